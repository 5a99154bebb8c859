"""Reading one `{{ … }}` group: its tokens, and the pipeline they form.

A group holds a reference (`.vars.a.b`, `user.items[0].id`), a literal or a generator, and then
filters, each behind a pipe.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import cast

from rocketship.dataclass import dataclass
from rocketship.template.functions import FILTERS, GENERATORS, Function
from rocketship.template.model import (
    Expression,
    FunctionCall,
    Literal,
    Namespace,
    Reference,
    TemplateSyntaxError,
)
from rocketship.values import Json

_NAME = r"[^\W\d]\w*(?:-+\w+)*"
_TEXT = r""""(?:[^"\\]|\\.)*"|'[^']*'|`[^`]*`"""
_KEY = rf"\[(?:-?[0-9]+|{_TEXT})\]"
_OPENING = re.compile(r"\{\{(-(?=\s))?")
_TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<close>(?<=\s)-\}}\}}\s*|\}}\}})
    | (?P<text>{_TEXT})
    | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
    | (?P<path>(?:\$?\.(?:{_NAME}|{_KEY})|{_NAME})(?:\.{_NAME}|{_KEY})*)
    | (?P<pipe>\|)
    """,
    re.VERBOSE | re.DOTALL,
)
_PATH_PIECE = re.compile(rf"\.?(?:(?P<name>{_NAME})|\[(?:(?P<index>-?[0-9]+)|(?P<key>{_TEXT}))\])")
_WORD = re.compile(_NAME)

_WORD_VALUES: dict[str, Json] = {"true": True, "false": False, "null": None}
_BLOCKS = frozenset({"if", "else", "range", "with", "define", "template", "block", "break", "end"})
#: What to write instead of functions other template languages have.
_INSTEAD = {
    "len": "length",
    "urlquery": "urlencode",
    "toJson": "json",
    "b64enc": "base64",
    "b64dec": "base64decode",
    "sha256sum": "sha256",
}
_BRACES_HINT = r"for literal braces write \{{ … }}, or {{ '{{' }} for a single pair"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    offset: int

    @property
    def word(self) -> bool:
        """Whether this is a bare word: a name, a function, or a constant."""
        return self.kind == "path" and _WORD.fullmatch(self.text) is not None


class Group:
    """Reads the group that starts at an offset; `end` is the offset behind it and its trimming."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._start = start
        opening = _OPENING.match(text, start)
        assert opening is not None
        self.trims_before = opening[1] is not None
        self.end = opening.end()
        self._segments = self._split()
        words = [segment[0].text if segment else "" for segment in self._segments]
        self._last_default = max(
            (i for i, word in enumerate(words) if word == "default"), default=0
        )

    def expression(self) -> Expression:
        """Return the pipeline."""
        head, *filters = self._segments
        if not head:
            offset = filters[0][0].offset if filters and filters[0] else self._start
            raise self._error("there is no value in the braces", offset, _BRACES_HINT)
        return Expression(
            self._head(head),
            tuple(self._filter(tokens, index) for index, tokens in enumerate(filters, 1)),
        )

    def _split(self) -> list[list[_Token]]:
        """Read the tokens up to the closing braces, split at the pipes."""
        if self._text.find("}}", self.end) < 0:
            raise self._error('"{{" is never closed by "}}"', self._start, _BRACES_HINT)
        segments: list[list[_Token]] = [[]]
        while (match := _TOKEN.match(self._text, self.end)) is not None:
            kind = cast(str, match.lastgroup)
            offset, self.end = self.end, match.end()
            if kind == "close":
                return segments
            if kind == "pipe":
                segments.append([])
            elif kind != "space":
                segments[-1].append(_Token(kind, match[0], offset))
        raise self._unreadable()

    def _unreadable(self) -> TemplateSyntaxError:
        if self.end >= len(self._text):
            return self._error('"{{" is never closed by "}}"', self._start, _BRACES_HINT)
        character = self._text[self.end]
        if character in "\"'`":
            return self._error(f"the text after {character} is never closed", self.end)
        return self._error(f'unexpected "{character}" in the braces', self.end, _BRACES_HINT)

    def _head(self, tokens: list[_Token]) -> Reference | Literal | FunctionCall:
        first, *rest = tokens
        if first.word and first.text in GENERATORS:
            return self._call(first, rest, GENERATORS[first.text], 0)
        if not rest:
            return self._literal(first) or self._reference(first, 0)
        if first.word:
            raise self._unknown_function(first)
        raise self._error(
            f'unexpected "{rest[0].text}"', rest[0].offset, "separate filters from the value by |"
        )

    def _unknown_function(self, token: _Token) -> TemplateSyntaxError:
        if token.text in _BLOCKS:
            return self._error(
                f'blocks such as "{token.text}" are not part of templates',
                token.offset,
                'use {{ name | default "x" }}, or the key `if` of a step',
            )
        name = _INSTEAD.get(token.text, token.text)
        if name in FILTERS:
            return self._error(
                f'"{token.text}" is written behind the value',
                token.offset,
                f"write {{{{ name | {FILTERS[name].usage} }}}}",
            )
        hint = _nearest(token.text, GENERATORS) or "generators: " + ", ".join(GENERATORS)
        return self._error(f'unknown function "{token.text}"', token.offset, hint)

    def _filter(self, tokens: list[_Token], index: int) -> FunctionCall:
        if not tokens:
            raise self._error("there is no filter behind |", self._start)
        first, *rest = tokens
        if not first.word:
            raise self._error(f'"{first.text}" is not a filter', first.offset, _filter_list())
        function = FILTERS.get(first.text)
        if function is None:
            hint = _nearest(_INSTEAD.get(first.text, first.text), FILTERS) or _filter_list()
            raise self._error(f'unknown filter "{first.text}"', first.offset, hint)
        return self._call(first, rest, function, index)

    def _call(
        self, name: _Token, tokens: list[_Token], function: Function, index: int
    ) -> FunctionCall:
        fewest, most = function.arguments
        if not fewest <= len(tokens) <= most:
            raise self._error(
                f'"{name.text}" has {len(tokens) or "no"} argument{"s" * (len(tokens) != 1)}',
                name.offset,
                f"write {function.usage}",
            )
        arguments = tuple(self._argument(token, function, index) for token in tokens)
        return FunctionCall(name.text, arguments)

    def _argument(self, token: _Token, function: Function, index: int) -> Literal | Reference:
        if token.word and token.text in function.words:
            return Literal(token.text)
        if token.word and token.text in _WORD_VALUES:
            return Literal(_WORD_VALUES[token.text])
        if token.kind == "path" and token.text[0] not in "$.":
            raise self._error(
                f'unexpected "{token.text}"',
                token.offset,
                f'put text in quotes, "{token.text}", or write .{token.text} for a value',
            )
        return self._literal(token) or self._reference(token, index)

    def _literal(self, token: _Token) -> Literal | None:
        if token.kind == "text":
            return Literal(self._unquote(token.text, token.offset))
        if token.kind == "number":
            return Literal(self._number(token.text, token.offset))
        return None

    def _reference(self, token: _Token, index: int) -> Reference:
        path: list[str | int] = []
        for match in _PATH_PIECE.finditer(token.text.removeprefix("$")):
            if match["index"]:
                path.append(cast(int, self._number(match["index"], token.offset)))
            elif match["key"]:
                path.append(self._unquote(match["key"], token.offset))
            else:
                path.append(match["name"])
        namespace: Namespace = "saved"
        if path[0] in ("vars", "env", "run"):
            namespace = cast(Namespace, path.pop(0))
        if namespace == "env" and not path:
            raise self._error("which environment variable?", token.offset, "write .env.NAME")
        return Reference(
            namespace, tuple(path), index < self._last_default, token.text, token.offset
        )

    def _unquote(self, text: str, offset: int) -> str:
        if text[0] != '"':
            return text[1:-1]
        try:
            return cast(str, json.loads(text, strict=False))
        except ValueError:
            raise self._error(
                f"{text} has an unknown escape", offset, "use JSON escapes, or single quotes"
            ) from None

    def _number(self, text: str, offset: int) -> int | float:
        try:
            return int(text) if re.fullmatch(r"-?[0-9]+", text) else float(text)
        except ValueError:
            raise self._error("the number is too long", offset) from None

    def _error(self, message: str, offset: int, hint: str | None = None) -> TemplateSyntaxError:
        return TemplateSyntaxError(message, offset=offset, hint=hint)


def _filter_list() -> str:
    return "filters: " + ", ".join(FILTERS)


def _nearest(word: str, known: Collection[str]) -> str | None:
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1)
    return f'did you mean "{near[0]}"?' if near else None
