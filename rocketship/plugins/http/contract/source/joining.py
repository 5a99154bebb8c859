"""Makes one document of several: what is referred to in another moves into the first.

Whether a target is a schema depends on where the reference to it stands. Schemas are kept apart
from the rest, under a key that says so, because they are translated later and nothing else is.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.plugins.http.contract.source.document import Document, as_description
from rocketship.plugins.http.contract.source.reading import read
from rocketship.plugins.http.contract.source.references import refers_outward, resolve, shown
from rocketship.plugins.http.contract.source.words import LITERAL, NAMES, OTHERS
from rocketship.values import Json, JsonObject

#: Where things of other documents are kept in the first one.
_PLACE = ("components", "documents")
_SUFFIXES = (".yaml", ".yml", ".json")


def join(location: str, contents: Mapping[str, bytes]) -> Document:
    """Return the description that begins at a location and goes on in the other documents.

    Raises:
        ConfigError: It is no description, or a reference points to nothing.
    """
    content = contents[location]
    root = read(content, shown(location))
    if refers_outward(content) and isinstance(root, dict):
        root = _Joiner(location, contents).joined(root)
    return as_description(root, shown(location))


@dataclass(frozen=True, slots=True)
class _Target:
    """A place in another document, and what it is there for."""

    location: str
    fragment: str
    schema: bool


class _Joiner:
    def __init__(self, location: str, contents: Mapping[str, bytes]) -> None:
        self._first = location
        self._contents = contents
        self._numbers = {other: str(number) for number, other in enumerate(contents)}
        self._moved: dict[str, dict[str, JsonObject]] = {}
        self._names: dict[_Target, str] = {}
        self._waiting: list[_Target] = []

    def joined(self, root: JsonObject) -> JsonObject:
        """Return the first document with references that lead nowhere else."""
        changed = self._walk(root, self._first, schema=False)
        assert isinstance(changed, dict)
        while self._waiting:
            target = self._waiting.pop()
            value = self._walk(self._value(target), target.location, schema=target.schema)
            self._held(target)[self._names[target]] = value
        components = changed.setdefault("components", {})
        if isinstance(components, dict):
            components[_PLACE[1]] = {number: {**kinds} for number, kinds in self._moved.items()}
        return changed

    def _walk(self, value: Json, base: str, *, schema: bool, names: bool = False) -> Json:
        """Return a value with every reference in it changed.

        Args:
            value: What is in a document.
            base: Where the document is.
            schema: Whether it is a schema.
            names: Whether its keys are names, not words of the description.
        """
        if isinstance(value, list):
            return [self._walk(item, base, schema=schema) for item in value]
        if not isinstance(value, dict):
            return value
        out: JsonObject = {}
        for key, item in value.items():
            if key == "$ref" and isinstance(item, str):
                out[key] = self._reference(item, base, schema=schema)
            elif names:
                out[key] = self._walk(item, base, schema=schema)
            elif key in LITERAL:
                out[key] = item
            elif key == "mapping" and schema and isinstance(item, dict):
                out[key] = {word: self._mapped(text, base) for word, text in item.items()}
            elif key == "schemas":
                out[key] = self._walk(item, base, schema=True, names=True)
            else:
                below = schema or key == "schema"
                out[key] = self._walk(item, base, schema=below, names=key in NAMES)
        return out

    def _mapped(self, text: Json, base: str) -> Json:
        """Return what a discriminator maps to: a reference, or the name of a schema."""
        if isinstance(text, str) and ("#" in text or text.endswith(_SUFFIXES)):
            location, _ = resolve(text, base)
            return self._reference(text, base, schema=True) if location in self._numbers else text
        return text

    def _reference(self, text: str, base: str, *, schema: bool) -> str:
        location, fragment = resolve(text, base)
        if location == self._first:
            return f"#{fragment}"
        target = _Target(location, fragment, schema)
        if target not in self._names:
            held = self._held(target)
            name = self._names[target] = _free_name(location, fragment, held)
            held[name] = None
            self._waiting.append(target)
        name = self._names[target].replace("~", "~0").replace("/", "~1").replace("%", "%25")
        return "#/" + "/".join((*_PLACE, self._numbers[location], _kind(target), name))

    def _held(self, target: _Target) -> JsonObject:
        """Return what has moved from a document so far, of the target's kind."""
        moved = self._moved.setdefault(self._numbers[target.location], {})
        return moved.setdefault(_kind(target), {})

    def _value(self, target: _Target) -> Json:
        value = read(self._contents[target.location], shown(target.location))
        for part in unquote(target.fragment).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and key in value:
                value = value[key]
            elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            else:
                reference = f"{shown(target.location)}#{target.fragment}"
                raise ConfigError(f'{shown(self._first)}: "$ref: {reference}" points to nothing')
        return value


def _kind(target: _Target) -> str:
    return "schemas" if target.schema else OTHERS


def _free_name(location: str, fragment: str, held: JsonObject) -> str:
    """Return the last part of a reference, by which a discriminator knows it."""
    last = unquote(fragment).rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    name = wanted = last or posixpath.splitext(posixpath.basename(urlsplit(location).path))[0]
    number = 1
    while name in held:
        number += 1
        name = f"{wanted}-{number}"
    return name
