"""An OpenAPI document as read, and the places in it: what `$ref` points to is followed on the way.

References lead to places in the same document only; what other documents hold has been put into it
before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.plugins.http.contract.source.reading import read
from rocketship.plugins.http.contract.source.words import is_extension
from rocketship.values import Json, JsonObject

#: How many references may lead to one another; more are a circle.
MAX_HOPS = 50


@dataclass(frozen=True, slots=True)
class Document:
    """A description: where it comes from, its version (`3.0`, `3.1`), and the whole of it."""

    location: str
    version: str
    root: JsonObject

    @property
    def top(self) -> Place:
        """The place everything is below of."""
        return Place(self, (), self.root)

    def follow(self, reference: str) -> Place:
        """Return what a reference such as `#/components/schemas/Pet` points to.

        Raises:
            ConfigError: It points to nothing, in a circle, or out of the document.
        """
        return self._follow(reference, 0)

    def resolved(self, place: Place, hops: int = 0) -> Place:
        """Return a place, or the one it refers to."""
        reference = place.value.get("$ref") if isinstance(place.value, dict) else None
        return self._follow(reference, hops + 1) if isinstance(reference, str) else place

    def target(self, reference: str, hops: int = 0) -> Place:
        """Return what a reference points to as it is written: it may be a reference itself.

        Raises:
            ConfigError: It points to nothing, in a circle, or out of the document.
        """
        if not reference.startswith("#"):
            raise ConfigError(
                f'{self.location}: "$ref: {reference}" leads out of the document',
                hint="bundle the description into one file",
            )
        if hops > MAX_HOPS:
            raise ConfigError(f'{self.location}: "$ref: {reference}" leads in a circle')
        place = self.top
        for part in unquote(reference[1:]).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            below = self.resolved(place, hops + 1).child(key)
            if below is None:
                raise ConfigError(f'{self.location}: "$ref: {reference}" points to nothing')
            place = below
        return place

    def _follow(self, reference: str, hops: int) -> Place:
        return self.resolved(self.target(reference, hops), hops + 1)


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a document and the keys that lead to it."""

    document: Document
    path: tuple[str, ...]
    value: Any

    @property
    def name(self) -> str:
        """What messages call it: `api.yaml#/paths/~1pets/get`."""
        return name_of(self.document, self.path)

    def child(self, key: str) -> Place | None:
        """Return what is directly below, a reference as it is written."""
        if isinstance(self.value, dict) and key in self.value:
            return Place(self.document, (*self.path, key), self.value[key])
        if isinstance(self.value, list) and key.isdecimal() and int(key) < len(self.value):
            return Place(self.document, (*self.path, key), self.value[int(key)])
        return None

    def get(self, key: str) -> Place | None:
        """Return what a key holds, references followed, or None."""
        below = self.child(key)
        return None if below is None else self.document.resolved(below)

    def schema(self) -> Place | None:
        """Return the schema below, or the one it refers to and says nothing beside.

        Since 3.1 what stands beside a reference counts; in 3.0 it does not.
        """
        found = self.child("schema")
        while found and isinstance(found.value, dict) and isinstance(found.value.get("$ref"), str):
            if len(found.value) > 1 and self.document.version != "3.0":
                return found
            found = self.document.target(found.value["$ref"])
        return found

    def items(self) -> Iterator[tuple[str, Place]]:
        """Yield the names in a map and what they hold, references followed.

        What begins with `x-` is a name here like any other; many headers do.
        """
        for key in self.value if isinstance(self.value, dict) else ():
            if below := self.get(key):
                yield key, below

    def fields(self) -> Iterator[tuple[str, Place]]:
        """Yield the fields of an object of OpenAPI, references followed and extensions left out."""
        for key in self.value if isinstance(self.value, dict) else ():
            if not is_extension(key) and (below := self.get(key)):
                yield key, below

    def entries(self) -> Iterator[Place]:
        """Yield the entries of a list, references followed."""
        for index in range(len(self.value) if isinstance(self.value, list) else 0):
            if below := self.get(str(index)):
                yield below

    def text(self, key: str) -> str:
        """Return the text a key holds, or nothing."""
        found = self.value.get(key) if isinstance(self.value, dict) else None
        return found if isinstance(found, str) else ""

    def flag(self, key: str, default: bool = False) -> bool:
        """Return whether a key holds true."""
        found = self.value.get(key, default) if isinstance(self.value, dict) else default
        return found is True


def name_of(document: Document, path: Iterable[str | int]) -> str:
    """Return what messages call the place that keys lead to."""
    return f"{document.location}#{pointer(path)}"


def pointer(path: Iterable[str | int]) -> str:
    """Return a JSON pointer."""
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)


def parse(content: bytes, location: str) -> Document:
    """Return the description in a single document.

    Raises:
        ConfigError: It is something else; the message begins with the location.
    """
    return as_description(read(content, location), location)


def as_description(root: Json, location: str) -> Document:
    """Return a value as a description: OpenAPI 3.0 or 3.1.

    Raises:
        ConfigError: It is something else; the message begins with the location.
    """
    if not isinstance(root, dict):
        raise ConfigError(f"{location}: is not an OpenAPI description")
    return Document(location, _version(root, location), root)


def _version(root: JsonObject, location: str) -> str:
    version = str(root.get("openapi", ""))
    if version.startswith(("3.0", "3.1")):
        return version[:3]
    if "swagger" in root:
        raise ConfigError(
            f"{location}: is OpenAPI {root['swagger']}; 3.0 and 3.1 can be checked",
            hint="convert the description to OpenAPI 3",
        )
    if version:
        raise ConfigError(f"{location}: is OpenAPI {version}; 3.0 and 3.1 can be checked")
    raise ConfigError(
        f"{location}: is not an OpenAPI description", hint='one begins with "openapi: 3.0.3"'
    )
