"""Time layouts that show how the moment Mon Jan 2 15:04:05 2006 would be written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

# Not from the calendar module, whose names follow the locale.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _hour12(moment: datetime) -> int:
    return moment.hour % 12 or 12


#: The pieces of a layout: how each part of Mon Jan 2 15:04:05 2006 shows a moment in UTC.
_LAYOUT: Mapping[str, Callable[[datetime], str]] = {
    "January": lambda t: _MONTHS[t.month - 1],
    "Jan": lambda t: _MONTHS[t.month - 1][:3],
    "Monday": lambda t: _DAYS[t.weekday()],
    "Mon": lambda t: _DAYS[t.weekday()][:3],
    "MST": lambda _: "UTC",
    "2006": lambda t: f"{t.year:04d}",
    "Z07:00": lambda _: "Z",
    "Z0700": lambda _: "Z",
    "-07:00": lambda _: "+00:00",
    "-0700": lambda _: "+0000",
    "-07": lambda _: "+00",
    "002": lambda t: f"{t.timetuple().tm_yday:03d}",
    "01": lambda t: f"{t.month:02d}",
    "02": lambda t: f"{t.day:02d}",
    "03": lambda t: f"{_hour12(t):02d}",
    "04": lambda t: f"{t.minute:02d}",
    "05": lambda t: f"{t.second:02d}",
    "06": lambda t: f"{t.year % 100:02d}",
    "15": lambda t: f"{t.hour:02d}",
    "PM": lambda t: "PM" if t.hour >= 12 else "AM",
    "pm": lambda t: "pm" if t.hour >= 12 else "am",
    "_2": lambda t: f"{t.day:2d}",
    "1": lambda t: str(t.month),
    "2": lambda t: str(t.day),
    "3": lambda t: str(_hour12(t)),
    "4": lambda t: str(t.minute),
    "5": lambda t: str(t.second),
}


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_PIECE = re.compile(rf"([.,])(0+|9+)(?![0-9])|{_alternatives(_LAYOUT)}")


def format_time(moment: datetime, layout: str) -> str:
    """Return a UTC moment the way a reference layout shows Mon Jan 2 15:04:05 2006.

    A dot or comma and zeros are fractions of a second (`.000`); nines drop trailing zeros.
    """

    def show(match: re.Match[str]) -> str:
        mark, places = match[1], match[2]
        if mark is None:
            return _LAYOUT[match[0]](moment)
        digits = f"{moment.microsecond:06d}000"[: len(places)].ljust(len(places), "0")
        if places[0] == "9":
            digits = digits.rstrip("0")
        return mark + digits if digits else ""

    return _PIECE.sub(show, layout)
