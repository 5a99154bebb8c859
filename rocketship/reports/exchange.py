"""What a step sent and received, laid out as lines: whatever the plugin, most of all HTTP.

Plugins hand over JSON of their own shape. The keys that requests and responses are likely to have
(method, URL, status, headers, body) get their usual places; everything else is listed by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from rocketship.dataclass import dataclass
from rocketship.run.printable import printable
from rocketship.values import Json, JsonObject, to_json, to_text

#: Longer bodies are not worth the time to indent them.
MAX_INDENTED_CHARACTERS = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a text is shown: so many lines, cut to so many characters each.

    JSON of more than `indented` characters stays as it came.
    """

    lines: int
    characters: int
    indented: int = MAX_INDENTED_CHARACTERS


def exchange_lines(value: Json, limits: Limits) -> list[str]:
    """Return a request or response as lines for people, shortened to the limits."""
    if isinstance(value, dict):
        return [*_head(value, limits), *_body(value.get("body"), limits)]
    return shorten(_pretty(value, limits), limits)


def shorten(text: str, limits: Limits) -> list[str]:
    """Return the lines of a text, the rest of them replaced by a count, and long ones cut."""
    lines = _lines(text)
    shown = [cut(line, limits.characters) for line in lines[: limits.lines]]
    return shown + _count(len(lines) - len(shown), "more")


def last_lines(text: str, limits: Limits) -> list[str]:
    """Return the end of a text, the lines before it replaced by a count, and long ones cut."""
    lines = _lines(text)
    shown = [cut(line, limits.characters) for line in lines[-limits.lines :]]
    return _count(len(lines) - len(shown), "earlier") + shown


def _lines(text: str) -> list[str]:
    return printable(text).rstrip("\n").split("\n")


def _count(lines: int, which: str) -> list[str]:
    return [f"… {lines} {which} line{'' if lines == 1 else 's'}"] if lines else []


def cut(line: str, characters: int) -> str:
    """Return the line, or its beginning and how much more there is."""
    if len(line) <= characters:
        return line
    return f"{line[:characters]}… ({len(line) - characters} more characters)"


def _head(value: JsonObject, limits: Limits) -> Iterator[str]:
    """Yield the first line, with small facts in brackets, and headers or other keys by name."""
    title, used = _title(value)
    rest = {
        name: item
        for name, item in value.items()
        if name not in (*used, "headers", "body") and item not in (None, False, "", [], {})
    }
    if title:
        small = [name for name, item in rest.items() if not isinstance(item, list | dict)]
        facts = ", ".join(f"{name} {to_text(rest.pop(name))}" for name in small)
        yield from shorten(f"{title}  ({facts})" if facts else title, limits)
    for name, header in _headers(value.get("headers")):
        yield from shorten(f"{name}: {to_text(header)}", limits)
    for name, item in rest.items():
        yield from shorten(f"{name}: {to_text(item)}", limits)


def _title(value: JsonObject) -> tuple[str, tuple[str, ...]]:
    """Return the first line of an HTTP message and the keys it uses; other messages have none."""
    if value.get("method"):
        return f"{to_text(value['method'])} {to_text(value.get('url'))}".rstrip(), ("method", "url")
    for key in ("status", "status_code"):
        if status := value.get(key):
            reason = to_text(value.get("reason"))
            title = f"{to_text(status)} {reason}" if reason else f"status {to_text(status)}"
            return title, (key, "reason")
    return "", ()


def _headers(value: Json) -> Iterator[tuple[str, Json]]:
    """Yield names and values of headers written as a mapping or as a list of pairs."""
    if isinstance(value, dict):
        for name, item in value.items():
            for single in item if isinstance(item, list) else [item]:
                yield name, single
    elif isinstance(value, list):
        for pair in value:
            if isinstance(pair, list) and len(pair) == 2:
                yield to_text(pair[0]), pair[1]
            else:
                yield "header", pair


def _body(value: Json, limits: Limits) -> list[str]:
    if value is None or value == "":
        return []
    return ["", *shorten(_pretty(value, limits), limits)]


def _pretty(value: Json, limits: Limits) -> str:
    """Return JSON indented, also when it arrives as text; other text as it is."""
    if isinstance(value, str):
        if len(value) > limits.indented or not value.lstrip().startswith(("{", "[")):
            return value
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, indent=2)
    return to_text(value)


def value_text(value: Json) -> str:
    """Return a value as one line of JSON, so that `"5"` and `5` look different."""
    return printable(to_json(value))
