"""What every kind of value can do, and the words for values in messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from rocketship.errors import ConfigError
from rocketship.suite.node import Node
from rocketship.suite.problem import Problems
from rocketship.values import Json, JsonObject, to_text, type_name

TEMPLATE_SCHEMA: JsonObject = {"type": "string", "pattern": r"\{\{"}
MAX_SHOWN_CHARACTERS = 40

Visit: TypeAlias = Callable[["Kind", Node], None]


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

    def _mismatch(self, value: Json, where: str) -> ConfigError:
        return complain(where, f"expected {self.label}, found {describe(value)}")


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
