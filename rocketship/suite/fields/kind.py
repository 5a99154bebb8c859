"""What every kind of value can do, and the words for values in messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from rocketship.errors import ConfigError
from rocketship.suite.node import Node
from rocketship.suite.problem import Problems
from rocketship.values import Json, JsonObject, Location, to_text, type_name

TEMPLATE_SCHEMA: JsonObject = {"type": "string", "pattern": r"\{\{"}
MAX_SHOWN_CHARACTERS = 40

Visit: TypeAlias = Callable[["Kind", Node], None]
Entry: TypeAlias = tuple[Node, Node]


class Kind(ABC):
    """What a key may hold."""

    label: str = "a value"

    @abstractmethod
    def accepts(self, value: Json) -> bool:
        """Return whether a literal value has the right type; its content is `check`'s business."""

    def check(self, node: Node, problems: Problems) -> None:
        """Report what is wrong with a node as written."""
        if not (self.accepts(node.value) or has_template(node.value)):
            found = describe(node.value)
            problems.error(node.location, f"expected {self.label}, found {found}")

    @abstractmethod
    def convert(self, value: Json, where: str) -> Any:
        """Return the value the code works with; `where` names the key in the ConfigError raised."""

    @abstractmethod
    def schema(self) -> JsonObject:
        """Return the JSON Schema fragment."""

    def visit(self, node: Node, visit: Visit) -> None:
        """Call `visit` with every kind and node of a subtree, this one first."""
        visit(self, node)

    def secrets(self, value: Json) -> Iterator[str]:
        """Yield the texts in a rendered value that must never be shown."""
        return iter(())

    def merge(self, under: Node, over: Node) -> Node:
        """Return what a step says, `over`, and what the suite's defaults say, `under`, as one.

        Mappings merge key by key; of everything else the step's is taken.
        """
        if not (isinstance(under.value, dict) and isinstance(over.value, dict)):
            return over
        merged = self._by_key(under)
        for key, entries in self._by_key(over).items():
            if key in merged:
                default = merged[key][-1][1]
                entries = [
                    (name, self._below(key).merge(default, value))
                    for name, value in entries
                    if not self._drops(value)
                ]
            merged[key] = entries
        return mapping(over.location, [entry for entries in merged.values() for entry in entries])

    def _by_key(self, node: Node) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for entry in node.entries:
            found.setdefault(self._key(str(entry[0].value)), []).append(entry)
        return found

    def _key(self, name: str) -> str:
        """Return what names of the same key have in common."""
        return name

    def _below(self, key: str) -> Kind:
        """Return the kind of a key's value."""
        return self

    def _drops(self, value: Node) -> bool:
        """Whether a step's value only takes away the default of its key."""
        return False

    def _mismatch(self, value: Json, where: str) -> ConfigError:
        return complain(where, f"expected {self.label}, found {describe(value)}")


def mapping(location: Location, entries: Sequence[Entry]) -> Node:
    """Return the node of a mapping with these entries."""
    plain: Json = {str(key.value): value.value for key, value in entries}
    return Node(plain, location, entries=tuple(entries))


def has_template(value: Json) -> bool:
    """Return whether a value is text that rendering may change."""
    return isinstance(value, str) and "{{" in value


def describe(value: Json) -> str:
    """Return a short phrase for a value in a message: `the number 5`, `a mapping`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {to_text(value)}"
    if isinstance(value, int | float | str):
        text = to_text(value)
        if len(text) > MAX_SHOWN_CHARACTERS:
            text = text[: MAX_SHOWN_CHARACTERS - 3] + "..."
        return f'the text "{text}"' if isinstance(value, str) else f"the number {text}"
    return "a list" if type_name(value) == "array" else "a mapping"


def complain(where: str, message: str) -> ConfigError:
    """Return the error for the key `where`, which may be empty for the whole value."""
    return ConfigError(f"{where}: {message}" if where else message)
