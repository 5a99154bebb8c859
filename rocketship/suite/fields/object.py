"""Mappings with known keys."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.suite.fields.kind import Kind, Visit, complain, describe, mapping
from rocketship.suite.fields.scalars import AnyJson
from rocketship.suite.node import Node
from rocketship.suite.problem import Problems, did_you_mean, nearest
from rocketship.values import Json, JsonObject, to_text

_MISSING_SPACE = r"[\w-]+:\S"


@dataclass(frozen=True)
class Field:
    """A key of an object.

    Nothing (null) in an optional key counts as leaving the key out, unless its kind takes null as a
    value. `secret` marks values that must never be shown.
    """

    name: str
    kind: Kind
    doc: str = ""
    required: bool = False
    default: Any = None
    secret: bool = False

    def given_in(self, mapping: Mapping[str, Json]) -> bool:
        """Return whether a mapping has a value for this key."""
        if self.name not in mapping:
            return False
        return mapping[self.name] is not None or self.kind.accepts(None)

    def schema(self) -> JsonObject:
        """Return the JSON Schema of the key's value, for editors."""
        schema = self.kind.schema()
        if not (self.required or self.kind.accepts(None)):
            schema = {"anyOf": [schema, {"type": "null"}]}
        if self.doc:
            schema = {**schema, "description": self.doc}
        if isinstance(self.default, str | int | float) and self.kind.accepts(self.default):
            schema = {**schema, "default": self.default}
        return schema


class Object(Kind):
    """A mapping with known keys; keys that start with `x-` are free.

    Args:
        fields: The known keys.
        exactly_one: Groups of keys of which exactly one must be present.
        at_most_one: Groups of keys that exclude each other.
    """

    label = "a mapping"

    def __init__(
        self,
        *fields: Field,
        exactly_one: Collection[tuple[str, ...]] = (),
        at_most_one: Collection[tuple[str, ...]] = (),
    ) -> None:
        self.fields = {field.name: field for field in fields}
        # Most keys of a large object are left out most of the time.
        self._required = tuple(field for field in fields if field.required)
        self._defaults = {field.name: field.default for field in fields if not field.required}
        self.exactly_one = tuple(exactly_one)
        self.at_most_one = tuple(at_most_one)

    def accepts(self, value: Json) -> bool:
        return isinstance(value, dict)

    def check(self, node: Node, problems: Problems) -> None:
        """Report unknown and missing keys, and what is wrong with the values of the others."""
        if not isinstance(node.value, dict):
            hint = None
            if isinstance(node.value, str) and re.match(_MISSING_SPACE, node.value):
                hint = "put a space after the colon"
            found = describe(node.value)
            problems.error(node.location, f"expected a mapping, found {found}", hint)
            return
        self._check_entries(node, problems)
        present = self.with_guesses(node, problems)
        for field in self._required:
            if field.name not in present:
                doc = f": {field.doc[:1].lower()}{field.doc[1:]}" if field.doc else ""
                message = f'"{field.name}" is missing'
                problems.error(node.location, message, f'add "{field.name}"{doc}')
        for complaint in self._group_complaints(present):
            problems.error(node.location, complaint)

    def convert(self, value: Json, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._mismatch(value, where)
        out: dict[str, Any] = {**self._defaults}
        prefix = f"{where}." if where else ""
        for field in self._required:
            if not field.given_in(value):
                raise ConfigError(f"{prefix}{field.name}: is missing")
        for name in value:
            known = self.fields.get(name)
            if known is not None and known.given_in(value):
                out[name] = known.kind.convert(value[name], f"{prefix}{name}")
        for complaint in self._group_complaints(value):
            raise complain(where, complaint)
        return out

    def schema(self) -> JsonObject:
        schema: JsonObject = {
            "type": "object",
            "properties": {name: field.schema() for name, field in self.fields.items()},
            "patternProperties": {"^x-": {}},
            "additionalProperties": False,
        }
        if required := [name for name, field in self.fields.items() if field.required]:
            schema["required"] = [*required]
        if groups := self._group_schemas():
            schema["allOf"] = groups
        return schema

    def visit(self, node: Node, visit: Visit) -> None:
        visit(self, node)
        for key_node, value_node in node.entries:
            field = self.fields.get(str(key_node.value))
            if field is not None:
                field.kind.visit(value_node, visit)

    def secrets(self, value: Json) -> Iterator[str]:
        if not isinstance(value, Mapping):
            return
        for name, item in value.items():
            field = self.fields.get(name)
            if field is None:
                continue
            if field.secret:
                yield from _texts(item)
            else:
                yield from field.kind.secrets(item)

    def merge(self, under: Node, over: Node) -> Node:
        """Return both as one; of keys that exclude each other, the step's replace the defaults'."""
        return super().merge(self._without_rivals(under, over), over)

    def _without_rivals(self, under: Node, over: Node) -> Node:
        value = over.value if isinstance(over.value, dict) else {}
        rivals = {
            name
            for group in (*self.exactly_one, *self.at_most_one)
            if self._given(group, value)
            for name in group
            if name not in value
        }
        if not (rivals and isinstance(under.value, dict) and rivals & under.value.keys()):
            return under
        kept = [entry for entry in under.entries if entry[0].value not in rivals]
        return mapping(under.location, kept)

    def _below(self, key: str) -> Kind:
        field = self.fields.get(key)
        return field.kind if field else AnyJson()

    def with_guesses(self, node: Node, problems: Problems) -> JsonObject:
        """Return a mapping with what its unknown keys probably mean, so that a slip is one error.

        In a group of which one is needed, any unknown key may be meant to be that one.
        """
        value = node.value if isinstance(node.value, dict) else {}
        if value.keys() <= self.fields.keys():
            return value
        unknown = [key for key in value if self._is_unknown(key)]
        if not unknown or problems.allow_unknown_keys or problems.full:
            return value
        guesses = [nearest(key, self.fields) for key in unknown]
        for group in self.exactly_one:
            if not self._given(group, value) and not set(group) & set(guesses):
                guesses.append(group[0])
        return {**dict.fromkeys((guess for guess in guesses if guess), ""), **value}

    def _check_entries(self, node: Node, problems: Problems) -> None:
        for key_node, value_node in node.entries:
            key = str(key_node.value)
            field = self.fields.get(key)
            if field is not None:
                if value_node.value is not None or field.required:
                    field.kind.check(value_node, problems)
            elif self._is_unknown(key) and not problems.full:
                hint = did_you_mean(key, self.fields) or "known keys: " + ", ".join(self.fields)
                problems.unknown_key(key_node.location, f'unknown key "{key}"', hint)

    def _is_unknown(self, key: str) -> bool:
        return key not in self.fields and not key.startswith("x-")

    def _group_complaints(self, value: Mapping[str, Json]) -> Iterator[str]:
        for group in self.exactly_one:
            given = self._given(group, value)
            if len(given) != 1:
                names = ", ".join(f'"{name}"' for name in group)
                found = "more than one is given" if given else "none is given"
                yield f"exactly one of {names} is needed, but {found}"
        for group in self.at_most_one:
            given = self._given(group, value)
            if len(given) > 1:
                names = " and ".join(f'"{name}"' for name in given)
                yield f"{names} exclude each other; keep one"

    def _given(self, group: tuple[str, ...], value: Mapping[str, Json]) -> list[str]:
        return [name for name in group if self.fields[name].given_in(value)]

    def _group_schemas(self) -> list[Json]:
        groups: list[Json] = [
            {"oneOf": [self._given_schema(name) for name in group]} for group in self.exactly_one
        ]
        for group in self.at_most_one:
            pairs = [(a, b) for i, a in enumerate(group) for b in group[i + 1 :]]
            groups += [
                {"not": {"allOf": [self._given_schema(a), self._given_schema(b)]}} for a, b in pairs
            ]
        return groups

    def _given_schema(self, name: str) -> JsonObject:
        given: JsonObject = {"required": [name]}
        if not self.fields[name].kind.accepts(None):
            given["properties"] = {name: {"not": {"type": "null"}}}
        return given


def _texts(value: Json) -> Iterator[str]:
    """Yield every text and number in a value."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool):
        yield to_text(value)
