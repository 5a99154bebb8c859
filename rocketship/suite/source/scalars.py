"""What an unquoted word in YAML means.

The rules are those of the format's version 1.2, with the additions suites rely on: underscores in
numbers, octal numbers with a leading zero, and dates, which become RFC 3339 text. `yes` and `on`
are text.
"""

from __future__ import annotations

import datetime
import math
import re

from rocketship.values import Json

#: Longer digits stay text: Python refuses to convert them, and no tool means a number by them.
MAX_NUMBER_CHARACTERS = 1000

_WORDS: dict[str, Json] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NOT_FINITE = frozenset(
    sign + word
    for words, signs in (
        ((".inf", ".Inf", ".INF"), ("", "+", "-")),
        ((".nan", ".NaN", ".NAN"), ("",)),
    )
    for word in words
    for sign in signs
)
_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII
)
_BASES = (16, 2, 8, 10)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_DATE = r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
_TIME = (
    rf"{_DATE}(?P<mark>[Tt ])([0-9]{{1,2}}):([0-9]{{1,2}}):([0-9]{{1,2}})"
    r"(?P<fraction>\.[0-9]+)?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)


def resolve(text: str) -> Json:
    """Return the value of an unquoted word; whatever is nothing else is text.

    Raises:
        ValueError: The word stands for infinity or for no number, which JSON does not have.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if text in _NOT_FINITE:
        raise ValueError(f"{text} is not a number that JSON knows")
    if len(text) > MAX_NUMBER_CHARACTERS:
        return text
    number = _number(text)
    if number is not None:
        return number
    return _timestamp(text) or text


def _number(text: str) -> int | float | None:
    digits = text.replace("_", "") if text[0] != "." else text
    if match := _INTEGER.fullmatch(digits):
        sign, *groups = match.groups()
        base, found = next(pair for pair in zip(_BASES, groups, strict=True) if pair[1])
        value = int(found, base)
        return -value if sign == "-" else value
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        return number if math.isfinite(number) else None
    return None


def _timestamp(text: str) -> str | None:
    """Return the RFC 3339 form of a date, or of a time that is complete, or None."""
    if match := re.fullmatch(_DATE, text, re.ASCII):
        day = _calendar(*match.groups())
        return f"{day:%Y-%m-%d}T00:00:00Z" if day else None
    match = re.fullmatch(_TIME, text, re.ASCII)
    # Behind a T the zone is required; behind a space there is none, and UTC is meant.
    if match is None or (match["mark"] == " ") == bool(match["zone"]):
        return None
    year, month, day_of_month, _, *clock = match.groups()[:7]
    moment = _calendar(year, month, day_of_month, *clock)
    if moment is None:
        return None
    fraction = (match["fraction"] or "")[:10].rstrip("0").rstrip(".")
    zone = match["zone"] or "Z"
    if int(zone[1:3] or 0) > 23 or int(zone[4:6] or 0) > 59:
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{'Z' if zone[1:] == '00:00' else zone}"


def _calendar(*numbers: str) -> datetime.datetime | None:
    try:
        year, month, day, *clock = [int(number) for number in numbers]
        hour, minute, second = clock or (0, 0, 0)
        return datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
