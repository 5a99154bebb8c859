"""What a template can compute: filters behind a pipe, and generators that make fresh values.

A function receives plain JSON values and raises `ValueError` with a sentence for people when it
cannot use them; whoever renders adds the name of the function and of the field.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from rocketship.dataclass import dataclass
from rocketship.values import Json, to_json, to_text, type_name

#: More would only be a slow way to fill memory.
MAX_RANDOM_CHARACTERS = 100_000

_ALPHABET = b"abcdefghijklmnopqrstuvwxyz0123456789"
_SURPLUS = bytes(range(len(_ALPHABET) * 7, 256))


@dataclass(frozen=True, slots=True)
class Function:
    """A filter or generator.

    Attributes:
        call: The implementation; a filter gets the piped value first, then its arguments.
        usage: How it is written, for messages and the reference.
        doc: One sentence for the reference.
        arguments: Fewest and most arguments behind the name.
        words: Arguments that need no quotes.
    """

    call: Callable[..., Json]
    usage: str
    doc: str
    arguments: tuple[int, int] = (0, 0)
    words: frozenset[str] = frozenset()


def _default(value: Json, fallback: Json) -> Json:
    return fallback if value is None else value


def _upper(value: Json) -> Json:
    return to_text(value).upper()


def _lower(value: Json) -> Json:
    return to_text(value).lower()


def _trim(value: Json) -> Json:
    return to_text(value).strip()


def _bytes(value: Json) -> bytes:
    # Half a surrogate pair has no bytes; a question mark takes its place.
    return to_text(value).encode("utf-8", "replace")


def _base64(value: Json) -> Json:
    import base64

    return base64.b64encode(_bytes(value)).decode()


def _base64decode(value: Json) -> Json:
    import base64
    import binascii

    text = "".join(to_text(value).split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise ValueError("the value is not base64 of UTF-8 text") from None


def _urlencode(value: Json) -> Json:
    from urllib.parse import quote

    return quote(_bytes(value), safe="")


def _sha256(value: Json) -> Json:
    import hashlib

    return hashlib.sha256(_bytes(value)).hexdigest()


def _hmac_sha256(value: Json, key: Json) -> Json:
    import hmac

    return hmac.digest(_bytes(key), _bytes(value), "sha256").hex()


def _length(value: Json) -> Json:
    if isinstance(value, str | list | dict):
        return len(value)
    raise ValueError(f"a {type_name(value)} has no length")


FILTERS: Mapping[str, Function] = {
    "default": Function(
        _default, 'default "x"', "The value, or the argument when it is missing or null.", (1, 1)
    ),
    "json": Function(to_json, "json", "The value as compact JSON; text gets quotes and escapes."),
    "base64": Function(_base64, "base64", "The value's text in base64."),
    "base64decode": Function(_base64decode, "base64decode", "The text that base64 stands for."),
    "urlencode": Function(_urlencode, "urlencode", "The value's text, safe in any part of a URL."),
    "upper": Function(_upper, "upper", "The value's text in upper case."),
    "lower": Function(_lower, "lower", "The value's text in lower case."),
    "trim": Function(_trim, "trim", "The value's text without white space around it."),
    "sha256": Function(_sha256, "sha256", "The SHA-256 of the value's text, in hexadecimal."),
    "hmac_sha256": Function(
        _hmac_sha256, 'hmac_sha256 "key"', "The HMAC-SHA-256 of the value's text.", (1, 1)
    ),
    "length": Function(_length, "length", "How many characters, items or keys the value has."),
}


def _uuid() -> Json:
    import uuid

    return str(uuid.uuid4())


def _now(layout: Json = "rfc3339") -> Json:
    from rocketship.template.layout import format_time

    moment = datetime.now(UTC)
    if not isinstance(layout, str):
        raise ValueError(f'expected "unix", "rfc3339" or a layout, found a {type_name(layout)}')
    if layout.lower() == "unix":
        return int(moment.timestamp())
    if layout.lower() == "rfc3339":
        return format_time(moment, "2006-01-02T15:04:05Z07:00")
    return format_time(moment, layout)


def _random_int(low: Json, high: Json) -> Json:
    import random

    first, last = _whole(low), _whole(high)
    if first > last:
        raise ValueError(f"there is no number from {first} to {last}")
    return random.SystemRandom().randint(first, last)


def _random_string(characters: Json) -> Json:
    count = _whole(characters)
    if not 0 <= count <= MAX_RANDOM_CHARACTERS:
        raise ValueError(f"the length must be between 0 and {MAX_RANDOM_CHARACTERS}")
    text = bytearray()
    while len(text) < count:
        # Bytes that would make some characters likelier than others are left out.
        text += os.urandom(count).translate(_ALPHABET * 7 + bytes(4), _SURPLUS)
    return text[:count].decode()


def _whole(value: Json) -> int:
    """Return a whole number; variables of the command line and the environment are text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,300}", value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError(f"expected a whole number, found {to_json(value)}")


GENERATORS: Mapping[str, Function] = {
    "uuid": Function(_uuid, "uuid", "A random UUID."),
    "now": Function(
        _now,
        'now "2006-01-02"',
        "The time in UTC: unix seconds, rfc3339, or a layout that shows 2006-01-02 15:04:05.",
        (0, 1),
        frozenset({"unix", "rfc3339"}),
    ),
    "random_int": Function(
        _random_int, "random_int 1 10", "A whole number; both ends are included.", (2, 2)
    ),
    "random_string": Function(
        _random_string, "random_string 8", "Random lower-case letters and digits.", (1, 1)
    ),
}
