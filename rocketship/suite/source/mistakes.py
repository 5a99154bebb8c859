"""What a YAML parser's complaint means for the person who wrote the file.

The parser says what it expected; people need to hear what they did: most complaints come from a few
mistakes, which the text around the position gives away.
"""

from __future__ import annotations

import re

from yaml.error import MarkedYAMLError

from rocketship.dataclass import dataclass

#: Message and hint for the most frequent mistake, which is not always a mistake for YAML.
UNQUOTED_TEMPLATE = (
    "a value that starts with {{ needs quotes",
    'put the whole value in quotes, as in url: "{{ .vars.base }}/users"',
)
#: Longer lines are no place to look for a slip, and patterns take their time on them.
MAX_LINE_CHARACTERS = 2000

_TEMPLATE_VALUE = re.compile(r"""^\s*(?:- +)*(?:[^\s'"{\[#][^'"{\[#]*:\s+)?(?P<start>\{\{)""")
_NO_SPACE = re.compile(r"^\s*(?:- +)*[\w-]+(?P<colon>:)[^\s/:]")
_KEY_BEFORE = re.compile(r"^\s*(?:- +)*[^\s#][^#]*?:\s")
_QUOTED_THEN_MORE = re.compile(r""":\s+(?P<start>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*[^\s#,]""")
_QUOTES = "put the whole value in quotes"
_COLON = 'a text with ": " in it needs quotes'
_TABS = ("a tab cannot be used for indentation", "use spaces")

#: What the parser says, what we say, and what to do; `{0}` is the character at the position.
_MEANINGS: tuple[tuple[str, str, str | None], ...] = (
    ("exceeded maximum nesting depth", "there are far too many levels of lists and mappings",
     "flatten the data, or put it in a file of its own"),
    ("mapping values are not allowed", _COLON, _QUOTES),
    ("block sequence entries are not allowed", "a list cannot start behind its key",
     'put each "- " on a line of its own, or the value in quotes'),
    ("mapping keys are not allowed", "a key cannot stand here", _QUOTES),
    ("could not find expected ':'", "this line has neither a key nor a list entry",
     'write "key: value", or indent the line if it continues the text above'),
    ("found unexpected end of stream", "the quotes that open here are never closed",
     "close them, and look for quotes inside the text"),
    ("found unexpected document indicator", "the quotes that open here are never closed",
     "close them before the line with --- or ..."),
    ("found unknown escape character", '"\\{1}" means nothing in double quotes',
     "use single quotes, or write the backslash twice"),
    ("hexdecimal number", "an escape in double quotes has too few hexadecimal digits",
     "use single quotes, or write the backslash twice"),
    ("invalid Unicode character escape code", "an escape in double quotes is not a character",
     "use single quotes, or write the backslash twice"),
    ("alphabetic or numeric character", 'a value cannot start with "{2}"', _QUOTES),
    ("did not find expected ',' or ']'", 'the list that opens with "[" here is not closed',
     'add "]" or a missing comma; a text with [ ] {{ }} , or # in it needs quotes'),
    ("did not find expected ',' or '}'", 'the mapping that opens with "{{" here is not closed',
     'add "}}" or a missing comma; a text with [ ] {{ }} , or # in it needs quotes'),
    ("did not find expected '-' indicator", "this line does not belong to the list above it",
     'start it with "- " in the column of the other entries, or indent it differently'),
    ("did not find expected key", "this line is not indented like the keys it belongs to",
     "give all keys of a mapping the same number of spaces"),
    ("did not find expected node content", '"{0}" cannot stand here', _QUOTES),
    ("undefined tag handle", 'a value cannot start with "!"', _QUOTES),
    ("scanning a tag", 'a value cannot start with "!"', _QUOTES),
    ("comment or line break", 'nothing can follow "|" or ">" on its line',
     "start the text on the next line"),
    ("tab character", *_TABS),
    ("block scalar", 'the sign behind "|" or ">" is not understood',
     'write "|" or ">", and the text on the next line'),
    ("<document start>", "this line belongs to nothing",
     "indent it like the lines above, or remove it"),
    ("incompatible YAML document", "the file asks for another version of YAML",
     "remove the line with %YAML"),
    ("directive", "a line that starts with % is not understood", "remove it"),
)  # fmt: skip

#: Complaints about something that began earlier; the beginning is what has to be looked at.
_AT_CONTEXT = (
    "unexpected end of stream",
    "unexpected document",
    "expected ':'",
    "expected ',' or",
    "scanning a directive",
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A complaint in plain words; line and column count from 0."""

    line: int
    column: int
    message: str
    hint: str | None = None


def explain(error: MarkedYAMLError, lines: list[str]) -> Mistake:
    """Return what is wrong and what to do, from the parser's error and the lines of the file."""
    problem = error.problem or ""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if line >= len(lines):  # the parser counts a line more when the last one is not ended
        line, column = len(lines) - 1, len(lines[-1])
    column = min(column, len(lines[line]))
    found = _from_text(problem, lines, line, column)
    if found is not None:
        return found
    start = error.context_mark
    said = f"{error.context} {problem}"
    if start is not None and any(text in said for text in _AT_CONTEXT):
        line, column = start.line, start.column
    rest = lines[line][column:]
    if "node content" in problem and not rest and line == len(lines) - 1:
        return Mistake(line, column, "the file ends inside of [ ] or { }", "close what is open")
    before = lines[line][column - 1 : column]
    for text, message, hint in _MEANINGS:
        if text in said:
            hint = hint and hint.format()
            return Mistake(line, column, message.format(rest[:1], rest[1:2], before), hint)
    return Mistake(line, column, f"not YAML: {problem}", _QUOTES)


def _from_text(problem: str, lines: list[str], line: int, column: int) -> Mistake | None:
    """Return the mistake the text itself shows, if it shows one."""
    text = lines[line]
    if len(text) > MAX_LINE_CHARACTERS:
        return None
    if template := _TEMPLATE_VALUE.match(text):
        return Mistake(line, template.start("start"), *UNQUOTED_TEMPLATE)
    indentation = text[: len(text) - len(text.lstrip())]
    if "\t" in indentation:
        return Mistake(line, indentation.index("\t"), *_TABS)
    if "cannot start any token" in problem:
        return Mistake(
            line, column, f'a value cannot start with "{text[column : column + 1]}"', _QUOTES
        )
    if "mapping values" in problem or "expected ':'" in problem:
        return _around_colon(problem, lines, line, column)
    if "expected key" in problem and (quoted := _QUOTED_THEN_MORE.search(text)):
        hint = "put the quotes around all of it, and the other kind of quotes inside"
        return Mistake(line, quoted.start("start"), "text follows the closing quotes", hint)
    return None


def _around_colon(problem: str, lines: list[str], line: int, column: int) -> Mistake | None:
    for index in range(line, max(line - 3, -1), -1):
        if no_space := _NO_SPACE.match(lines[index]):
            place = no_space.start("colon")
            return Mistake(index, place, "a colon needs a space behind it", "write key: value")
    if "mapping values" not in problem:
        return None
    if _KEY_BEFORE.match(lines[line][:column]):
        return Mistake(line, column, _COLON, _QUOTES)
    message = "this line is indented too far: the line above already has its value"
    return Mistake(line, column, message, "indent it like the keys it belongs to")
