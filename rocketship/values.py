"""Small value types every layer shares: JSON, positions in files, durations, and text of values.

They live at the bottom because a duration must mean the same in a suite, an option and a setting,
and a number must look the same in a URL, a form and a log line.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable
from itertools import chain
from typing import Any, NoReturn, TypeAlias

from rocketship.dataclass import dataclass

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
JsonObject: TypeAlias = dict[str, Json]

_UNIT_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
# Compiled when the first duration is read, as many suites have none.
_PIECE = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"
_DURATION = rf"([+-]?)((?:{_PIECE})+|0)"
_SURROGATES = "[\ud800-\udfff]"
DURATION_HELP = "a number and a unit (ns, us, ms, s, m, h), which can be joined: 500ms, 1.5s, 1m30s"


#: Deeper values are not read: what redacts, compares and shows them goes down level by level.
MAX_LEVELS = 200


class UnfitJson(ValueError):
    """JSON that is right, with a value that nothing here could keep and write again."""


# Made once, as `json.dumps` would make one for every call.
_COMPACT_ASCII = json.JSONEncoder(separators=(",", ":"))
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file; lines and columns count from 1, and 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


def parse_duration(text: str) -> float:
    """Return the seconds of a Go-style duration such as `1m30s`, `-1.5s` or `0`.

    Raises:
        ValueError: The text is not a duration; the message says what one looks like.
    """
    match = re.fullmatch(_DURATION, text.strip())
    if match is None:
        raise ValueError(f"{to_json(text)} is not a duration; write {DURATION_HELP}")
    seconds = sum(
        float(number) * _UNIT_SECONDS[unit] for number, unit in re.findall(_PIECE, match[2])
    )
    return -seconds if match[1] == "-" else seconds


def format_duration(seconds: float) -> str:
    """Return a duration for people: `12ms`, `1.3s`, `2m05s`, `1h02m`."""
    if seconds < 0.9995:
        return f"{round(seconds * 1000)}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def format_time(at: float) -> str:
    """Return a moment, given in seconds since 1970, as RFC 3339 in UTC with milliseconds."""
    seconds, milliseconds = divmod(round(at * 1000), 1000)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{moment}.{milliseconds:03d}Z"


def read_json(text: str, *, levels: int = MAX_LEVELS) -> Json:
    """Return the value of a JSON text, with all digits of whole numbers.

    Raises:
        ValueError: It is not JSON; `NaN` and `Infinity` are not.
        UnfitJson: A number is too large, or there are too many levels.
    """
    try:
        value: Json = _READER.decode(text)
    except RecursionError:
        raise _too_deep(levels) from None
    if text.count("[") + text.count("{") > levels and _levels(value) > levels:
        raise _too_deep(levels)
    return value


def _levels(value: Json) -> int:
    """Return how many levels of lists and objects a value that was read has."""
    count = 0
    items: Iterable[Any] = [value]
    # By classes and not `isinstance`, as this looks at everything in a large document.
    while level := [item for item in items if item.__class__ in _CONTAINERS]:
        count += 1
        inner = (outer.values() if isinstance(outer, dict) else outer for outer in level)
        items = chain.from_iterable(inner)
    return count


def _too_deep(levels: int) -> UnfitJson:
    return UnfitJson(f"there are more than {levels} levels of lists and objects")


def _fraction(text: str) -> float:
    number = float(text)
    if number in _INFINITE:
        shown = text if len(text) < 40 else f"{text[:40]}…"
        raise UnfitJson(f"the number {shown} is too large")
    return number


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


_CONTAINERS = frozenset({list, dict})
_INFINITE = (math.inf, -math.inf)
_READER = json.JSONDecoder(parse_float=_fraction, parse_constant=_refuse_constant)


def to_text(value: Json) -> str:
    """Return how a value reads inside text: plain numbers, `true`, empty for null, compact JSON.

    Numbers never get an exponent or lose digits, so an id survives its way through a URL.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    return to_json(value)


def to_json(value: Json) -> str:
    """Return compact JSON with keys in their own order and text unescaped."""
    return _COMPACT.encode(value)


def to_ascii_json(value: Json) -> str:
    """Return compact JSON of ASCII alone, which holds any text: half a surrogate pair too."""
    return _COMPACT_ASCII.encode(value)


def to_utf8(text: str) -> str:
    """Return the text with U+FFFD for what UTF-8 cannot express: half a surrogate pair."""
    return re.sub(_SURROGATES, "\ufffd", text)


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if value == int(value):
        return str(int(value))
    from decimal import Decimal

    return format(Decimal(repr(value)), "f")


def type_name(value: Json) -> str:
    """Return the JSON word for a value's type: null, boolean, number, string, array or object."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
