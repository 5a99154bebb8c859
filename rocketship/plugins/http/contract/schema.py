"""Schemas of a description, as JSON Schema 2020-12, and what breaks them.

One translated copy of the document is made for requests and one for responses, because a `readOnly`
property is required in responses only, and a `writeOnly` one in requests only. Schemas stay where
they are in it, so that references, circles included, need no care.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any
from urllib.parse import quote

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.plugins.http.contract.source.document import (
    Document,
    Place,
    name_of,
    pointer,
)
from rocketship.plugins.http.contract.source.words import (
    LITERAL,
    NAMES,
    NAMES_IN_SCHEMAS,
    is_extension,
)
from rocketship.values import Json, JsonObject

_URI = "urn:rocketship:description"
_SCHEMAS = ("additionalProperties", "items", "not", "if", "then", "else", "contains")
_MORE_SCHEMAS = ("propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NOT_RULES = frozenset({"example", "examples", "default", "xml", "externalDocs", "description"})
_INTEGERS = {"int32": 31, "int64": 63}
#: What one message quotes of a value at most.
MAX_MESSAGE_CHARACTERS = 240
#: Steps a pattern may take back; a pattern that needs more counts as one that does not match.
MAX_BACKTRACKING = 100_000
MAX_VIOLATIONS = 20
#: How deep alternatives are searched for the types a text may stand for.
MAX_TYPE_DEPTH = 4


class Direction(Enum):
    """Which way a value travels, and the flag that frees a property from being required there."""

    REQUEST = "readOnly"
    RESPONSE = "writeOnly"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that is broken: where, and how."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class Schemas:
    """Checks values against the schemas of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._registries: dict[Direction, Any] = {}
        self._validators: dict[tuple[Direction, tuple[str, ...]], Any] = {}

    def violations(
        self, schema: Place, value: Json, direction: Direction, where: str
    ) -> list[Violation]:
        """Return what is wrong with a value, at most a few more than anybody reads.

        Raises:
            ConfigError: The schema cannot be used.
        """
        found: list[Violation] = []
        try:
            for error in self._validator(schema, direction).iter_errors(value):
                place = f"{where} {pointer(error.instance_path)}".rstrip()
                violation = Violation(place, _message(error))
                if violation not in found:  # alternatives may share a rule
                    found.append(violation)
                if len(found) > MAX_VIOLATIONS:
                    break
        except ValueError as error:
            found.append(Violation(where, f"cannot be checked: {error}"))
        return found

    def must_be_usable(self, schema: Place, direction: Direction) -> None:
        """Do the work that the first check against a schema would do.

        Raises:
            ConfigError: It cannot be used.
        """
        self._validator(schema, direction)

    def prepare(self, direction: Direction) -> None:
        """Do the work that all checks in a direction need, and that takes long."""
        import jsonschema_rs

        if direction in self._registries:
            return
        translated = _Translator(self._document, direction).document()
        try:
            self._registries[direction] = jsonschema_rs.Registry(
                [(_URI, translated)], draft=jsonschema_rs.Draft202012, retriever=_refuse
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise ConfigError(f"{self._document.location}: cannot be used: {error}") from None

    def _validator(self, schema: Place, direction: Direction) -> Any:
        import jsonschema_rs

        key = (direction, schema.path)
        validator = self._validators.get(key)
        if validator is None:
            self.prepare(direction)
            target = quote(pointer(schema.path), safe="/~")
            try:
                validator = jsonschema_rs.Draft202012Validator(
                    {"$ref": f"{_URI}#{target}"},
                    registry=self._registries[direction],
                    validate_formats=True,
                    formats={"byte": _is_base64},
                    pattern_options=jsonschema_rs.FancyRegexOptions(
                        backtrack_limit=MAX_BACKTRACKING
                    ),
                )
            except (ValueError, jsonschema_rs.ValidationError) as error:
                raise self._refused(schema, error) from None
            self._validators[key] = validator
        return validator

    def _refused(self, schema: Place, error: Exception) -> ConfigError:
        """Return the error about a schema, with the place in it where it is wrong."""
        path = getattr(error, "instance_path", None) or schema.path
        reason, value = getattr(error, "message", str(error)), getattr(error, "instance", None)
        if isinstance(value, str) and value not in reason:
            reason = f'{reason}: "{value}"'
        place = name_of(self._document, path)
        return ConfigError(f"{place}: is not usable in a schema: {_cut(reason)}")


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} leads out of the document")


def _is_base64(text: str) -> bool:
    import base64
    import binascii

    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _message(error: Any) -> str:
    """Return what is wrong and the rule's name, the value in it cut to what can be read."""
    return f"{_cut(error.message)} ({error.kind.name})"


def _cut(text: str) -> str:
    half = MAX_MESSAGE_CHARACTERS // 2
    return text if len(text) <= MAX_MESSAGE_CHARACTERS else f"{text[:half]} … {text[-half:]}"


class _Translator:
    """Writes a document anew with all schemas in it translated."""

    def __init__(self, document: Document, direction: Direction) -> None:
        self._document = document
        self._old = document.version == "3.0"
        self._free = direction.value

    def document(self) -> Json:
        return self._walk(self._document.root)

    def _walk(self, node: Json, *, names: bool = False) -> Json:
        """Return what is around schemas, those in it translated; `names` tells of its keys."""
        if isinstance(node, list):
            return [self._walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        out: JsonObject = {}
        for key, item in node.items():
            if names:
                out[key] = self._walk(item)
            elif key in LITERAL or is_extension(key):
                continue
            elif key == "schema":
                out[key] = self._schema(item)
            elif key == "schemas" and isinstance(item, dict):
                out[key] = {name: self._schema(schema) for name, schema in item.items()}
            else:
                out[key] = self._walk(item, names=key in NAMES)
        return out

    def _schema(self, schema: Json) -> Json:
        if not isinstance(schema, dict):
            return schema
        if isinstance(schema.get("$ref"), str):
            self._document.follow(str(schema["$ref"]))
            if self._old:
                return {"$ref": schema["$ref"]}
        out = {key: self._below(key, item) for key, item in schema.items() if _is_rule(key)}
        self._free_required(schema, out)
        _bound_integer(out)
        nullable = self._old and schema.get("nullable") is True
        if self._old:
            _modernise_bounds(out)
            out.pop("nullable", None)
        choices = self._choices(schema)
        if choices is not None:
            out.pop("oneOf", None)
            out.pop("anyOf", None)
            together = out.get("allOf")
            out["allOf"] = [*(together if isinstance(together, list) else []), *choices]
        out.pop("discriminator", None)
        return _or_null(out) if nullable else out

    def _below(self, key: str, item: Json) -> Json:
        if key in _SCHEMAS or key in _MORE_SCHEMAS:
            return self._schema(item)
        if key in NAMES_IN_SCHEMAS and isinstance(item, dict):
            return {name: self._schema(schema) for name, schema in item.items()}
        if key in _LISTS and isinstance(item, list):
            return [self._schema(schema) for schema in item]
        return item

    def _free_required(self, schema: JsonObject, out: JsonObject) -> None:
        required, properties = schema.get("required"), schema.get("properties")
        if isinstance(required, list) and isinstance(properties, dict):
            out["required"] = [
                name for name in required if not self._is_free(properties.get(str(name)))
            ]

    def _is_free(self, schema: Json) -> bool:
        """Return whether a property has the flag, or what it refers to has: no circle by now."""
        if not isinstance(schema, dict):
            return False
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema.get(self._free) is True
        # What stands beside a reference counts since 3.1.
        beside = not self._old and schema.get(self._free) is True
        return beside or self._is_free(self._document.target(reference).value)

    def _choices(self, schema: JsonObject) -> list[Json] | None:
        """Return rules that check only the alternative a value says it is, or None."""
        discriminator, references = schema.get("discriminator"), _references(schema)
        if not isinstance(discriminator, dict) or not references:
            return None
        name = discriminator.get("propertyName")
        if not isinstance(name, str):
            return None
        mapping = discriminator.get("mapping")
        names = {reference.rpartition("/")[2]: reference for reference in references}
        for word, target in mapping.items() if isinstance(mapping, dict) else ():
            reference = str(target)
            names[word] = reference if "/" in reference else f"#/components/schemas/{reference}"
        words: list[Json] = [*names]
        says: JsonObject = {"required": [name], "properties": {name: {"enum": words}}}
        rules: list[Json] = [{"type": "object", **says}]
        for word, reference in names.items():
            self._document.follow(reference)
            is_it: JsonObject = {"required": [name], "properties": {name: {"const": word}}}
            condition: JsonObject = {"type": "object", **is_it}
            rules.append({"if": condition, "then": {"$ref": reference}})
        return rules


def _is_rule(key: str) -> bool:
    return key not in _NOT_RULES and not is_extension(key)


def _references(schema: JsonObject) -> list[str]:
    """Return the alternatives of a schema when all of them are references."""
    alternatives = schema.get("oneOf") or schema.get("anyOf")
    if not isinstance(alternatives, list):
        return []
    found = [item["$ref"] for item in alternatives if isinstance(item, dict) and "$ref" in item]
    return [str(item) for item in found] if len(found) == len(alternatives) else []


def _bound_integer(out: JsonObject) -> None:
    bits = _INTEGERS.get(str(out.get("format")))
    types = out.get("type")
    if bits and (types == "integer" or (isinstance(types, list) and "integer" in types)):
        bounds: JsonObject = {"minimum": -(2**bits), "maximum": 2**bits - 1}
        together = out.get("allOf")
        out["allOf"] = [*(together if isinstance(together, list) else []), bounds]


def _modernise_bounds(out: JsonObject) -> None:
    """Turn the flags `exclusiveMinimum` and `exclusiveMaximum` into bounds of their own."""
    for bound, flag in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if out.pop(flag, None) is True and bound in out:
            out[flag] = out.pop(bound)


def _or_null(out: JsonObject) -> JsonObject:
    kind, words = out.get("type"), out.get("enum")
    if not isinstance(kind, str) or any(key in out for key in _LISTS):
        return {"anyOf": [{"type": "null"}, out]}
    more: JsonObject = {"type": [kind, "null"]}
    if isinstance(words, list) and None not in words:
        more["enum"] = [*words, None]
    return {**out, **more}


def type_names(schema: Place | None) -> frozenset[str]:
    """Return the types a schema may mean; none when it does not say."""
    return frozenset(_types(schema, 0)) if schema else frozenset()


def _types(schema: Place, depth: int) -> Iterator[str]:
    types = schema.value.get("type") if isinstance(schema.value, dict) else None
    yield from types if isinstance(types, list) else [types] if isinstance(types, str) else []
    if schema.flag("nullable"):
        yield "null"
    for key in ("allOf", "anyOf", "oneOf"):
        below = schema.get(key) if depth < MAX_TYPE_DEPTH else None
        for entry in below.entries() if below else ():
            yield from _types(entry, depth + 1)
