"""JSON laid out for people: what fits on a line stays on one, the rest is indented.

A list of forty users then is forty lines, not four hundred, and the lines there is room for show
more of it. Text that was cut off in the middle is laid out as far as it goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from rocketship.values import Json, read_json

#: Containers longer than this, with their indentation, take several lines.
WIDTH = 76
INDENT = "  "

_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|$)|[\[\]{},]', re.DOTALL)
#: Stands for what is missing while the rest is laid out; JSON text from elsewhere has no such key.
_CUT = "\ue000cut\ue000"
_CLOSERS = {"[": "]", "{": "}"}


def pretty(value: Json) -> str:
    """Return a value as JSON for people."""
    return "\n".join(_lines(value, ""))


def pretty_text(text: str, *, cut: bool = False) -> str:
    """Return JSON text laid out, and other text as it is.

    Args:
        text: What may be JSON.
        cut: Its end is missing; what there is of it is laid out then.
    """
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return pretty(read_json(text))
    except ValueError:
        return (cut and _beginning(text)) or text


def _lines(value: Json, indent: str) -> Iterator[str]:
    """Yield the lines of a value, all but the first with their indentation."""
    flat = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, list | dict) or len(indent) + len(flat) <= WIDTH:
        yield flat
        return
    inner = indent + INDENT
    if isinstance(value, dict):
        parts = [(f"{json.dumps(key, ensure_ascii=False)}: ", item) for key, item in value.items()]
    else:
        parts = [("", item) for item in value]
    yield flat[0]
    for number, (name, item) in enumerate(parts, start=1):
        first, *rest = _lines(item, inner)
        lines = [f"{inner}{name}{first}", *rest]
        lines[-1] += "," if number < len(parts) else ""
        yield from lines
    yield indent + flat[-1]


def _beginning(text: str) -> str:
    """Return what is complete of a text that ends in the middle of JSON, or nothing."""
    opened: list[str] = []
    end, closers = 0, ""
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in _CLOSERS:
            opened.append(_CLOSERS[token])
        elif token in ("]", "}"):
            if not opened or opened.pop() != token:
                return ""
        elif token == "," and opened:
            end, closers = match.start(), "".join(reversed(opened))
    if not opened or not end:
        return ""
    cut = f',"{_CUT}"' + (":0" if closers[0] == "}" else "")
    try:
        laid_out = pretty(read_json(text[:end] + cut + closers))
    except ValueError:
        return ""
    return laid_out[: laid_out.index(f'"{_CUT}"')] + "…"
