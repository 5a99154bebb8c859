"""Kinds that are made of other kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.suite.fields.kind import TEMPLATE_SCHEMA, Kind, Visit, has_template
from rocketship.suite.node import Node
from rocketship.suite.problem import Problems
from rocketship.values import Json, JsonObject


@dataclass(frozen=True)
class ListOf(Kind):
    """A list of at least `at_least` entries."""

    kind: Kind
    at_least: int = 0
    label = "a list"

    def accepts(self, value: Json) -> bool:
        return isinstance(value, list)

    def check(self, node: Node, problems: Problems) -> None:
        super().check(node, problems)
        if isinstance(node.value, list) and len(node.items) < self.at_least:
            entries = "entry" if self.at_least == 1 else "entries"
            problems.error(node.location, f"needs at least {self.at_least} {entries}")
        for item in node.items:
            self.kind.check(item, problems)

    def convert(self, value: Json, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise self._mismatch(value, where)
        return [self.kind.convert(item, f"{where}[{i}]") for i, item in enumerate(value)]

    def schema(self) -> JsonObject:
        items: JsonObject = {"type": "array", "items": self.kind.schema()}
        if self.at_least:
            items["minItems"] = self.at_least
        return {"anyOf": [items, TEMPLATE_SCHEMA]}

    def visit(self, node: Node, visit: Visit) -> None:
        visit(self, node)
        for item in node.items:
            self.kind.visit(item, visit)

    def secrets(self, value: Json) -> Iterator[str]:
        for item in value if isinstance(value, list) else ():
            yield from self.kind.secrets(item)


@dataclass(frozen=True)
class MapOf(Kind):
    """A mapping with free keys, which may hold templates themselves.

    Args:
        kind: What the keys hold. Unless it takes null as a value, null in a step drops a default.
        ignore_case: Whether names that differ in upper and lower case only are the same key, so
            that a step's takes the place of a default in another spelling.
    """

    kind: Kind
    ignore_case: bool = False
    label = "a mapping"

    def accepts(self, value: Json) -> bool:
        return isinstance(value, dict)

    def check(self, node: Node, problems: Problems) -> None:
        super().check(node, problems)
        for _, value_node in node.entries:
            self.kind.check(value_node, problems)

    def convert(self, value: Json, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._mismatch(value, where)
        return {key: self.kind.convert(item, f"{where}.{key}") for key, item in value.items()}

    def schema(self) -> JsonObject:
        entries: JsonObject = {"type": "object", "additionalProperties": self.kind.schema()}
        return {"anyOf": [entries, TEMPLATE_SCHEMA]}

    def visit(self, node: Node, visit: Visit) -> None:
        visit(self, node)
        for _, value_node in node.entries:
            self.kind.visit(value_node, visit)

    def secrets(self, value: Json) -> Iterator[str]:
        for item in value.values() if isinstance(value, dict) else ():
            yield from self.kind.secrets(item)

    def _key(self, name: str) -> str:
        return name.lower() if self.ignore_case else name

    def _below(self, key: str) -> Kind:
        return self.kind

    def _drops(self, value: Node) -> bool:
        return value.value is None and not self.kind.accepts(None)


@dataclass(frozen=True)
class AnyOf(Kind):
    """The first of several kinds whose type fits."""

    kinds: tuple[Kind, ...]

    @property
    def label(self) -> str:  # type: ignore[override]
        return " or ".join(kind.label for kind in self.kinds)

    def accepts(self, value: Json) -> bool:
        return any(kind.accepts(value) for kind in self.kinds)

    def check(self, node: Node, problems: Problems) -> None:
        kind = self._pick(node.value)
        if kind is not None:
            kind.check(node, problems)
        else:
            super().check(node, problems)

    def convert(self, value: Json, where: str) -> Any:
        kind = self._pick(value)
        if kind is not None:
            return kind.convert(value, where)
        # A rendered template is text even where a number is meant, so content decides here.
        for candidate in self.kinds:
            try:
                return candidate.convert(value, where)
            except ConfigError:
                continue
        raise self._mismatch(value, where)

    def schema(self) -> JsonObject:
        return {"anyOf": [*(kind.schema() for kind in self.kinds), TEMPLATE_SCHEMA]}

    def visit(self, node: Node, visit: Visit) -> None:
        kind = self._pick(node.value)
        if kind is not None:
            kind.visit(node, visit)
        else:
            visit(self, node)

    def secrets(self, value: Json) -> Iterator[str]:
        kind = self._pick(value)
        return kind.secrets(value) if kind else iter(())

    def merge(self, under: Node, over: Node) -> Node:
        kind = self._pick(over.value)
        return kind.merge(under, over) if kind else super().merge(under, over)

    def _pick(self, value: Json) -> Kind | None:
        return next((kind for kind in self.kinds if kind.accepts(value)), None)


@dataclass(frozen=True)
class Fixed(Kind):
    """A value that must be written out, because it is needed before any template is filled in."""

    kind: Kind

    @property
    def label(self) -> str:  # type: ignore[override]
        return self.kind.label

    def accepts(self, value: Json) -> bool:
        return not has_template(value) and self.kind.accepts(value)

    def check(self, node: Node, problems: Problems) -> None:
        if has_template(node.value):
            problems.error(
                node.location,
                "templates cannot be used here",
                f"write out {self.label}; it is needed before templates are filled in",
            )
        else:
            self.kind.check(node, problems)

    def convert(self, value: Json, where: str) -> Any:
        return self.kind.convert(value, where)

    def schema(self) -> JsonObject:
        return {"allOf": [self.kind.schema(), {"not": TEMPLATE_SCHEMA}]}

    def visit(self, node: Node, visit: Visit) -> None:
        self.kind.visit(node, visit)

    def secrets(self, value: Json) -> Iterator[str]:
        return self.kind.secrets(value)

    def merge(self, under: Node, over: Node) -> Node:
        return self.kind.merge(under, over)
