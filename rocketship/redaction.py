"""Keeping secrets out of everything people read.

A `Secret` prints as stars wherever it is shown by accident; a `Redactor` knows the secret values of
one run and scrubs them, also in the encodings in which they usually travel, from text and JSON.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Generic, TypeVar
from urllib.parse import quote, quote_plus

from rocketship.values import Json

T = TypeVar("T")

STARS = "***"
#: Shorter values would star out half of every message.
MIN_SECRET_CHARACTERS = 4

#: Headers whose values are never shown, in lower case.
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
        "x-amz-security-token",
        "x-csrf-token",
        "api-key",
    }
)


class Secret(Generic[T]):
    """A value that shows itself only when asked to by `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the value, at the point of use."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({STARS})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


class Redactor:
    """Scrubs the secret values of one run; the pattern is built when it is first needed."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Make a value and its encoded forms secret; very short values are left alone."""
        if len(secret) < MIN_SECRET_CHARACTERS:
            return
        forms = {secret, *_encoded_forms(secret)}
        # The lines of a key or certificate also turn up one by one.
        forms.update(line for line in secret.split("\n") if len(line) >= 16)
        if not forms <= self._forms:
            self._forms |= forms
            self._pattern = None

    @property
    def active(self) -> bool:
        """Whether there is anything to scrub."""
        return bool(self._forms)

    def text(self, text: str) -> str:
        """Return the text with every known secret replaced by stars."""
        if not self._forms or not text:
            return text
        if self._pattern is None:
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub(STARS, text)

    def json(self, value: Json) -> Json:
        """Return a copy of the value with every string in it scrubbed, keys included."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.json(item) for key, item in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool):
            return STARS if str(value) in self._forms else value
        return value


def _encoded_forms(secret: str) -> Iterable[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    yield quote(secret, safe="", errors="replace")
    yield quote_plus(secret, errors="replace")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    # Inside a longer base64 text (Basic credentials) a value may start at any of three offsets; the
    # characters that depend on its neighbours are cut off.
    for skip in range(3):
        encoded = base64.b64encode(b"\0" * skip + raw).decode()
        start = (0, 2, 3)[skip]
        end = len(encoded) - (0, 3, 2)[(len(raw) + skip) % 3]
        core = encoded[start:end]
        if len(core) >= 8:
            yield core
            yield core.replace("+", "-").replace("/", "_")
    yield base64.b64encode(raw).decode()
    yield base64.urlsafe_b64encode(raw).decode()
