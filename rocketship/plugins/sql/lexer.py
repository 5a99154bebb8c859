"""The pieces of SQL text that matter for splitting, binding and telling reads from writes.

Nothing inside quotes and comments may be mistaken for code, and what quotes is different in every
database: dollars in PostgreSQL, backslashes and backticks in MySQL, brackets in SQLite and in
SQL Server, where a name may begin with an at sign or a number sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from rocketship.dataclass import dataclass

_BLOCK = r"(?P<comment>/\*.*?(?:\*/|\Z)"
_WORD = r"(?P<word>[^\W\d][\w$]*)"
_NAME = r"(?P<parameter>(?<!:):[^\W\d]\w*)"
_REST = rf"{_NAME}|(?P<number>\d[\w.]*)|{_WORD}|(?P<end>;)|(?P<space>\s+)|(?P<other>::|.)"
_DOUBLED = r"'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)"
_BACKTICK = r"`(?:[^`]|``)*(?:`|\Z)"
_ESCAPED = r"'(?:[^'\\]|\\.|'')*(?:'|\Z)|\"(?:[^\"\\]|\\.|\"\")*(?:\"|\Z)"
_DOLLAR = r"\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)"
_DASHES = r"--[^\n]*"

_PATTERNS = {
    "postgres": rf"(?P<nested>/\*)|(?P<comment>{_DASHES})"
    rf"|(?P<quoted>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)|{_DOUBLED}|{_DOLLAR})|{_REST}",
    "mysql": rf"(?P<comment>/\*(?!M?!).*?(?:\*/|\Z)|--(?=\s|\Z)[^\n]*|#[^\n]*)"
    rf"|(?P<quoted>{_ESCAPED}|{_BACKTICK})|{_REST}",
    "sqlserver": rf"(?P<nested>/\*)|(?P<comment>{_DASHES})"
    rf"|(?P<quoted>{_DOUBLED}|\[(?:[^\]]|\]\])*(?:\]|\Z)|[@#]+[\w$#@]+)|{_REST}",
    "sqlite": rf"{_BLOCK}|{_DASHES})|(?P<quoted>{_DOUBLED}|{_BACKTICK}|\[[^\]]*(?:\]|\Z))|{_REST}",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL text.

    Attributes:
        kind: comment, quoted, parameter, number, word, end (a semicolon), space or other.
        text: The piece as written.
        start: Where it begins.
    """

    kind: str
    text: str
    start: int


def tokens(sql: str, dialect: str) -> Iterator[Token]:
    """Yield the pieces of a text, which together are the whole text."""
    pattern = _pattern(dialect)
    position = 0
    while position < len(sql):
        match = pattern.match(sql, position)
        assert match is not None
        assert match.lastgroup is not None
        kind, end = match.lastgroup, match.end()
        if kind == "nested":
            kind, end = "comment", _end_of_nested(sql, position)
        yield Token("quoted" if kind == "tag" else kind, sql[position:end], position)
        position = end


def words(sql: str, dialect: str) -> Iterator[str]:
    """Yield the words outside quotes and comments, in upper case."""
    return (token.text.upper() for token in tokens(sql, dialect) if token.kind == "word")


def _end_of_nested(sql: str, start: int) -> int:
    """Return the end of a block comment that may hold others."""
    depth = 0
    for mark in re.finditer(r"/\*|\*/", sql[start:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return start + mark.end()
    return len(sql)


@cache
def _pattern(dialect: str) -> re.Pattern[str]:
    return re.compile(_PATTERNS[dialect], re.DOTALL)
