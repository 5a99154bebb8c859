"""What a step sent and received, laid out as lines: whatever the plugin, most of all HTTP.

Plugins hand over JSON of their own shape. The keys that requests and responses are likely to have
(method, URL, status, headers, body) get their usual places; everything else is listed by name.
"""

from __future__ import annotations

from collections.abc import Iterator

from rocketship.dataclass import dataclass
from rocketship.reports.pretty import pretty, pretty_text
from rocketship.run.printable import printable
from rocketship.values import Json, JsonObject, to_json, to_text

#: Longer bodies are not worth the time to indent them.
MAX_INDENTED_CHARACTERS = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a text is shown: so many lines, cut to so many characters each.

    JSON of more than `indented` characters stays as it came. Where something is left out, `rest`
    says what shows it.
    """

    lines: int
    characters: int
    indented: int = MAX_INDENTED_CHARACTERS
    rest: str = ""


#: For terminals, where the rest is a command away.
SHORTENED = Limits(lines=15, characters=160)
#: All that was recorded; what records it has bounds.
EVERYTHING = Limits(lines=1_000_000, characters=100_000_000, indented=100_000_000)


def exchange_lines(value: Json, limits: Limits) -> list[str]:
    """Return a request or response as lines for people, shortened to the limits."""
    if isinstance(value, dict):
        head, body = list(_head(value, limits)), _body(value, limits)
        return [*head, "", *body] if head and body else head + body
    return shorten(_pretty(value, limits), limits)


def shorten(text: str, limits: Limits) -> list[str]:
    """Return the lines of a text, the rest of them replaced by a count, and long ones cut."""
    lines = _lines(text)
    shown = [cut(line, limits) for line in lines[: limits.lines]]
    return shown + _count(len(lines) - len(shown), "more", limits)


def last_lines(text: str, limits: Limits) -> list[str]:
    """Return the end of a text, the lines before it replaced by a count, and long ones cut."""
    lines = _lines(text)
    shown = [cut(line, limits) for line in lines[-limits.lines :]]
    return _count(len(lines) - len(shown), "earlier", limits) + shown


def _lines(text: str) -> list[str]:
    return printable(text).rstrip("\n").split("\n")


def _count(lines: int, which: str, limits: Limits) -> list[str]:
    if not lines:
        return []
    remedy = f": {limits.rest}" if limits.rest else ""
    return [f"… {lines} {which} line{'' if lines == 1 else 's'}{remedy}"]


def cut(line: str, limits: Limits) -> str:
    """Return the line, or its beginning and how much more there is."""
    if len(line) <= limits.characters:
        return line
    remedy = f": {limits.rest}" if limits.rest else ""
    return f"{line[: limits.characters]}… ({len(line) - limits.characters} more characters{remedy})"


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
        facts = ", ".join(_fact(name, rest.pop(name)) for name in small)
        yield from shorten(f"{title}  ({facts})" if facts else title, limits)
    for name, header in _headers(value.get("headers")):
        yield from shorten(f"{name}: {to_text(header)}", limits)
    for name, item in rest.items():
        yield from shorten(f"{name}: {to_text(item)}", limits)


def _fact(name: str, value: Json) -> str:
    words = name.replace("_", " ")
    return words if value is True else f"{words} {to_text(value)}"


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


def _body(value: JsonObject, limits: Limits) -> list[str]:
    body = value.get("body")
    if body is None or body == "":
        return []
    cut = value.get("truncated") is True
    lines = shorten(_pretty(body, limits, cut=cut), limits)
    if cut:
        lines.append("… the rest of the body was not recorded")
    return lines


def _pretty(value: Json, limits: Limits, *, cut: bool = False) -> str:
    """Return JSON laid out, also when it arrives as text; other text as it is."""
    if isinstance(value, str):
        return value if len(value) > limits.indented else pretty_text(value, cut=cut)
    if isinstance(value, list | dict):
        return pretty(value)
    return to_text(value)


def value_text(value: Json) -> str:
    """Return a value as one line of JSON, so that `"5"` and `5` look different."""
    return printable(to_json(value))
