"""Keeping secrets out of everything people read.

A `Secret` prints as stars wherever it is shown by accident; a `Redactor` knows the secret values of
one run and scrubs them, also in the encodings in which they usually travel, from text and JSON.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Generic, TypeVar
from urllib.parse import quote, quote_plus, unquote

from rocketship.values import Json

T = TypeVar("T")

STARS = "***"
#: Shorter values would star out half of every message.
MIN_SECRET_CHARACTERS = 4
#: Forms of secrets that are looked for one by one; of more, only those that begin somewhere in a
#: text, which takes longer when there are few.
MAX_LOOKED_FOR = 500

#: Lines of a secret that are secrets of their own.
MIN_SECRET_LINE_CHARACTERS = 8
#: Shorter pieces of base64 also turn up by chance.
MIN_BASE64_CHARACTERS = 8

_SECRET_HEADER = re.compile(
    r"(authorization|cookie|token|secret|password|credential|session-id|api-?key|"
    r"subscription-key)s?2?$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"://[^\s/?#:@]*:([^\s/?#]+)@")
_PLAIN = re.compile("[0-9A-Za-z]+")
_PERCENT = re.compile("%[0-9A-F]{2}")
_GO = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}
_ESCAPE = re.compile(r"(?<=\\u)[0-9a-f]{4}")
_DOTNET = {ord(character): f"\\u{ord(character):04X}" for character in "<>&'+`"}
#: What programs leave as it is in a URL: nothing, as much as Python, or as the two of JavaScript.
_URL_SAFE = ("", "/", "!~*'()", ";/?:@&=+$,#!~*'()")


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

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


class Redactor:
    """Scrubs the secret values of one run.

    Values of fewer than MIN_SECRET_CHARACTERS characters are left alone. What was computed from a
    secret (a hash, a signature) is not recognised.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        # By a part that no encoding changes, so that where it is not, few forms are looked for.
        self._groups: dict[str, set[str]] = {}
        # By how they begin and end, so that thousands of them need not be looked for one by one.
        self._by_start: dict[str, list[str]] = {}
        self._by_end: dict[str, list[str]] = {}
        self._first_characters: set[str] = set()
        self._longest = 0
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Make a value and its encoded forms secret; very short values are left alone."""
        if secret in self._forms or len(secret) < MIN_SECRET_CHARACTERS:
            return
        self._add_forms(encoded_forms(secret), secret)
        # What is read from a file ends in a line break that nobody repeats.
        if len(text := secret.strip()) >= MIN_SECRET_CHARACTERS:
            self._add_forms({text}, text)
        # The lines of a key or certificate also turn up one by one.
        for line in secret.splitlines() if "\n" in secret else ():
            if len(line) >= MIN_SECRET_LINE_CHARACTERS:
                self._add_forms(encoded_forms(line), line)

    def _add_forms(self, forms: set[str], secret: str) -> None:
        core = max(_PLAIN.findall(secret), key=len, default="")
        for form in forms - self._forms:
            self._groups.setdefault(core if core in form else "", set()).add(form)
            self._by_start.setdefault(form[:MIN_SECRET_CHARACTERS], []).append(form)
            self._by_end.setdefault(form[-MIN_SECRET_CHARACTERS:], []).append(form)
            self._first_characters.update(form[:size] for size in range(1, MIN_SECRET_CHARACTERS))
            self._longest = max(self._longest, len(form))
        self._forms |= forms

    @property
    def active(self) -> bool:
        """Whether there is anything to scrub."""
        return bool(self._forms)

    def text(self, text: str, *, cut: bool = False) -> str:
        """Return the text with every known secret replaced by stars.

        Args:
            text: What may hold secrets; of those that overlap, all are replaced together.
            cut: The text was cut off, so the beginning of a secret at its end counts as well. An
                ellipsis at the end says so too; one at the start, that the end of a secret may
                follow.
        """
        if not self._forms or not text:
            return text
        body = text.rstrip(".\u2026")
        spans = [
            span for form in self._candidates(text) if form in text for span in _places(form, text)
        ]
        if text.startswith("\u2026") and (span := self._ending(text)):
            spans.append(span)
        if cut or body != text:
            least = 1 if cut else MIN_SECRET_CHARACTERS
            ends = (text, body) if cut else (body,)
            spans += [span for end in ends if (span := self._beginning(end, least))]
        return _star(text, spans) if spans else text

    def json(self, value: Json) -> Json:
        """Return a copy of the value with every string in it scrubbed, keys included.

        The texts of an object with `truncated: true` are taken to be cut off.
        """
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if isinstance(value, dict):
            cut = value.get("truncated") is True
            return {
                self.text(key): self.text(item, cut=cut)
                if isinstance(item, str)
                else self.json(item)
                for key, item in value.items()
            }
        if isinstance(value, int | float) and not isinstance(value, bool):
            return STARS if str(value) in self._forms else value
        return value

    def _candidates(self, text: str) -> Iterator[str]:
        """Yield the forms that a text may hold."""
        if len(self._forms) <= MAX_LOOKED_FOR:
            for core, forms in self._groups.items():
                if core in text:
                    yield from forms
            return
        size = MIN_SECRET_CHARACTERS
        for start in {text[at : at + size] for at in range(len(text) - size + 1)}:
            yield from self._by_start.get(start, ())

    def _beginning(self, text: str, least: int) -> tuple[int, int] | None:
        """Return where the longest beginning of a secret stands at the end of a text."""
        end = len(text)
        for begun in range(max(0, end - self._longest), end - least + 1):
            start = text[begun : begun + MIN_SECRET_CHARACTERS]
            if len(start) < MIN_SECRET_CHARACTERS:
                found = start in self._first_characters
            else:
                forms = self._by_start.get(start, ())
                found = any(form.startswith(text[begun:]) for form in forms)
            if found:
                return begun, end
        return None

    def _ending(self, text: str) -> tuple[int, int] | None:
        """Return where the longest end of a secret stands after the ellipsis a text begins with."""
        for ended in range(min(len(text), self._longest + 1), MIN_SECRET_CHARACTERS, -1):
            forms = self._by_end.get(text[ended - MIN_SECRET_CHARACTERS : ended], ())
            if any(form.endswith(text[1:ended]) for form in forms):
                return 1, ended
        return None


def _places(form: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)


def _star(text: str, spans: list[tuple[int, int]]) -> str:
    """Replace the spans; those that overlap become one, or the rest of a secret would be left."""
    parts: list[str] = []
    position = begun = end = 0
    for start, stop in sorted(spans):
        if start >= end:
            if end:
                parts += (text[position:begun], STARS)
                position = end
            begun = start
        end = max(end, stop)
    return "".join((*parts, text[position:begun], STARS, text[end:]))


def encoded_forms(secret: str) -> set[str]:
    """Return the value as it looks in URLs, JSON, XML, HTML, shell command lines and base64.

    One encoding is often put into another: HTML in JSON, JSON in JSON, JSON or a URL in a URL,
    JSON in base64.
    """
    once = {*_in_json(secret), *_escaped_json(secret)}
    markup = set(_markup_forms(secret))
    twice = {outer for inner in {*once, *markup} for outer in _in_json(inner)}
    thrice = {outer for inner in _in_json(secret) for outer in _in_json(inner)}
    json_forms = {*once, *twice, *(outer for inner in thrice for outer in _in_json(inner))}
    json_forms |= {form.replace("/", "\\/") for form in json_forms}
    urls = set(_url_forms(secret))
    urls |= {quote(form, safe="", errors="replace") for form in urls | once}
    forms = {secret, *json_forms, *markup, *urls}
    forms |= {form.replace("'", "'\"'\"'") for form in forms if "'" in form}
    for text in {secret, *once}:
        forms.update(_base64_forms(text.encode("utf-8", "surrogatepass")))
    return forms


def _in_json(text: str) -> set[str]:
    return {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _escaped_json(text: str) -> Iterator[str]:
    """Yield what Go makes of markup in JSON, and .NET also of what could end an attribute."""
    for form in _in_json(text):
        yield form.translate(_GO)
    quoted = json.dumps(text)[1:-1].replace('\\"', "\\u0022")
    yield _ESCAPE.sub(lambda match: match[0].upper(), quoted.translate(_DOTNET))


def _url_forms(secret: str) -> Iterator[str]:
    for safe in _URL_SAFE:
        for encode in (quote, quote_plus):
            form = encode(secret, safe=safe, errors="replace")
            yield form
            yield _PERCENT.sub(lambda match: match[0].lower(), form)


def _markup_forms(secret: str) -> Iterator[str]:
    body = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    quoted = body.replace('"', "&quot;")
    yield from (body, quoted)
    for apostrophe in ("&#39;", "&#x27;", "&apos;"):
        yield quoted.replace("'", apostrophe)
        yield body.replace('"', "&#34;").replace("'", apostrophe)


def _base64_forms(raw: bytes) -> Iterator[str]:
    # Inside a longer base64 text (Basic credentials) a value may start at any of three offsets; the
    # characters that depend on its neighbours are cut off.
    whole = base64.b64encode(raw).decode()
    forms = [whole, whole.rstrip("=")]
    for skip in range(3):
        encoded = base64.b64encode(b"\0" * skip + raw).decode()
        start = (0, 2, 3)[skip]
        end = len(encoded) - (0, 3, 2)[(len(raw) + skip) % 3]
        # Nothing may follow it either, and then the end is known.
        cores = (encoded[start:end], encoded[start:], encoded[start:].rstrip("="))
        forms += [core for core in cores if len(core) >= MIN_BASE64_CHARACTERS]
    for form in forms:
        yield form
        yield form.replace("+", "-").replace("/", "_")


def url_passwords(value: Json) -> Iterator[str]:
    """Yield the passwords of the URLs (`postgres://user:password@host`) anywhere in a value."""
    if isinstance(value, str):
        if "://" in value and "@" in value:
            for password in _URL_PASSWORD.findall(value):
                yield from (password, unquote(password))
    elif isinstance(value, list):
        for item in value:
            yield from url_passwords(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from url_passwords(item)


@lru_cache(maxsize=1024)
def is_secret_header(name: str) -> bool:
    """Return whether the values of a header are never shown, going by its name in any case."""
    return _SECRET_HEADER.search(name) is not None
