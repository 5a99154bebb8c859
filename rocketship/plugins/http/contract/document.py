"""An OpenAPI document as read, and the places in it: what `$ref` points to is followed on the way.

References lead to places in the same document only. Whoever ships a suite then knows that a run
reads what was shipped and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.values import Json, JsonObject

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
#: How many references may lead to one another; more are a circle.
MAX_HOPS = 50
#: How deep a document may be nested, and how many values its aliases may stand for.
MAX_DEPTH = 200
MAX_VALUES = 2_000_000


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

    def _follow(self, reference: str, hops: int) -> Place:
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
        return self.resolved(place, hops + 1)


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a document and the keys that lead to it."""

    document: Document
    path: tuple[str, ...]
    value: Any

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

    def items(self) -> Iterator[tuple[str, Place]]:
        """Yield keys and what they hold, references followed and extensions left out."""
        keys = self.value if isinstance(self.value, dict) else ()
        for key in keys:
            if not key.startswith("x-") and (below := self.get(key)):
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


def parse(content: bytes, location: str) -> Document:
    """Return the document in a file: JSON or YAML, OpenAPI 3.0 or 3.1.

    Raises:
        ConfigError: It is something else; the message begins with the location.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ConfigError(f"{location}: is larger than {MAX_DOCUMENT_BYTES >> 20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{location}: is not UTF-8", hint="save it as UTF-8") from None
    written = _read_json(text) if text.lstrip()[:1] == "{" else None
    root = _plain(_read_yaml(text, location) if written is None else written, location)
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


def _read_json(text: str) -> Json:
    """Return JSON, or None for what only YAML can tell what is wrong with."""
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _read_yaml(text: str, location: str) -> Any:
    import yaml

    try:
        return yaml.load(text, _loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{location}{place}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{location}: not YAML: {error}") from None


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Return a loader with the plain values of YAML 1.2, where `no` is a text."""
    import re

    import yaml

    class Loader(yaml.CSafeLoader):
        yaml_implicit_resolvers: dict[Any, Any] = {}

    for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("int", r"[-+]?\d+|0x[\da-fA-F]+", "-+0123456789"),
        ("float", r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?", "-+.0123456789"),
        ("merge", r"<<", "<"),
    ):
        compiled = re.compile(f"^(?:{pattern})$")
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", compiled, list(first))
    Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
    Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))
    return Loader


def _construct_int(_: Any, node: Any) -> int:
    return int(node.value, 16) if node.value.startswith("0x") else int(node.value)


def _plain(root: Any, location: str) -> Json:
    """Return the value with keys as text, however often its aliases are used, within bounds."""
    count = 0

    def copy(value: Any, depth: int) -> Json:
        nonlocal count
        count += 1
        if count > MAX_VALUES or depth > MAX_DEPTH:
            raise ConfigError(f"{location}: is nested too deep or has too many values")
        if isinstance(value, dict):
            return {_key(key): copy(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [copy(item, depth + 1) for item in value]
        return value if isinstance(value, str | int | float | bool) else None

    return copy(root, 0)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)
