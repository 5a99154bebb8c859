"""The statements of a SQL file, with routine bodies in one piece."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from rocketship.plugins.sql.lexer import Token, tokens, words

#: What a routine or trigger with a body of statements is called in its CREATE statement.
_WITH_BODY = frozenset({"FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "PACKAGE"})
#: Blocks that end with their own word after END; nothing opened a level for them.
_NAMED_ENDS = frozenset({"IF", "LOOP", "WHILE", "REPEAT", "FOR"})
_DELIMITER_LINE = r"[ \t]*delimiter[ \t]+(\S+)[ \t]*\r?$"
#: What follows the word GO of a line that separates batches: how often, and a comment.
_GO_LINE = r"[ \t]*(\d{1,4})?[ \t]*(?:--[^\n]*)?\r?(?:\n|\Z)"
#: What these begin in T-SQL has to be sent in one piece with what follows.
_BEGINS_WHOLE = frozenset({"IF", "ELSE", "END"})
_MAKES_WHOLE = frozenset({"DECLARE", "WHILE", "GOTO"})
_TSQL_BODIES = frozenset({"PROC", "PROCEDURE", "FUNCTION", "TRIGGER"})
_TRANSACTIONS = frozenset({"TRAN", "TRANSACTION", "DISTRIBUTED"})


def split(sql: str, dialect: str) -> list[str]:
    """Return the statements of a text, without the semicolons (or delimiters) between them.

    Pieces that hold nothing but white space and comments are left out; comments within and after
    the first word of a statement stay, as they may be hints. In T-SQL lines `GO` separate batches;
    one that declares variables, has blocks or makes a routine is one piece, and in others
    statements keep their semicolons, without which MERGE is none.
    """
    if dialect == "sqlserver":
        return list(_split_batches(sql))
    if dialect != "mysql":
        return list(_split_at_semicolons(sql, dialect))
    statements: list[str] = []
    for delimiter, part in _by_delimiter(sql):
        if delimiter == ";":
            statements += _split_at_semicolons(part, dialect)
        else:
            statements += _split_at(part, delimiter)
    return statements


def _split_at_semicolons(sql: str, dialect: str) -> Iterator[str]:
    statement = _Statement()
    for token in tokens(sql, dialect):
        if token.kind == "end" and statement.depth == 0:
            if statement.text:
                yield statement.text.rstrip()
            statement = _Statement()
        else:
            statement.add(token)
    if statement.text:
        yield statement.text.rstrip()


def _split_batches(sql: str) -> Iterator[str]:
    start = 0
    for token in tokens(sql, "sqlserver"):
        if token.start < start or token.kind != "word" or token.text.upper() != "GO":
            continue
        line = sql[: token.start].rpartition("\n")[2]
        end = re.compile(_GO_LINE).match(sql, token.start + len(token.text))
        if end and not line.strip():
            yield from _of_batch(sql[start : token.start]) * int(end[1] or 1)
            start = end.end()
    yield from _of_batch(sql[start:])


def _of_batch(batch: str) -> list[str]:
    """Return the statements of a batch, or the batch when it cannot be taken apart."""
    statements = list(_split_at_semicolons(batch, "sqlserver"))
    if any(map(_needs_its_batch, statements)):
        return [batch.strip()]
    return [f"{statement};" for statement in statements]


def _needs_its_batch(statement: str) -> bool:
    found = list(words(statement, "sqlserver"))
    if not found:
        return False
    if found[0] in ("CREATE", "ALTER") and not _TSQL_BODIES.isdisjoint(found[:4]):
        return True
    has_block = any(
        word == "BEGIN" and after not in _TRANSACTIONS
        for word, after in pairwise([*found, "its end"])
    )
    return has_block or found[0] in _BEGINS_WHOLE or not _MAKES_WHOLE.isdisjoint(found)


class _Statement:
    """A statement that grows, and how many blocks of a body are open in it."""

    def __init__(self) -> None:
        self.text = ""
        self.depth = 0
        self._words: list[str] = []

    def add(self, token: Token) -> None:
        if self.text or token.kind not in ("space", "comment"):
            self.text += token.text
        if token.kind == "word":
            self._open_or_close(token.text.upper())

    def _open_or_close(self, word: str) -> None:
        before = self._words[-1] if self._words else ""
        self._words.append(word)
        if not self._has_body():
            return
        if (
            before == "END"
            and word in _NAMED_ENDS
            or word == "BEGIN"
            or (word == "CASE" and before != "END")
        ):
            self.depth += 1
        elif word == "END" and self.depth:
            self.depth -= 1

    def _has_body(self) -> bool:
        if self._words[0] == "CREATE":
            return not _WITH_BODY.isdisjoint(self._words[:12])
        return self._words[:3] == ["BEGIN", "NOT", "ATOMIC"]


def _by_delimiter(sql: str) -> Iterator[tuple[str, str]]:
    """Yield parts of a MySQL script with the delimiter that lines `DELIMITER x` set for them."""
    delimiter, start = ";", 0
    for line in re.finditer(_DELIMITER_LINE, sql, re.IGNORECASE | re.MULTILINE):
        yield delimiter, sql[start : line.start()]
        delimiter, start = line[1], line.end()
    yield delimiter, sql[start:]


def _split_at(sql: str, delimiter: str) -> Iterator[str]:
    """Yield what stands between delimiters that are outside quotes and comments."""
    start, skip = 0, 0
    for token in tokens(sql, "mysql"):
        if token.start < skip or token.kind in ("quoted", "comment"):
            continue
        if sql.startswith(delimiter, token.start):
            if piece := sql[start : token.start].strip():
                yield piece
            start = skip = token.start + len(delimiter)
    if piece := sql[start:].strip():
        yield piece
