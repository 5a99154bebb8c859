"""A parsed YAML document that still knows where everything stood."""

from __future__ import annotations

from collections.abc import Iterator

from rocketship.dataclass import dataclass
from rocketship.values import Json, Location


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its position.

    `value` is the complete plain value of the subtree. `items` are the children of a sequence,
    `entries` the key and value nodes of a mapping, merge keys already applied.
    """

    value: Json
    location: Location
    items: tuple[Node, ...] = ()
    entries: tuple[tuple[Node, Node], ...] = ()

    def get(self, key: str) -> Node | None:
        """Return the value node of a mapping's key, or None."""
        if type(self.value) is dict and key in self.value:
            for key_node, value_node in self.entries:
                if key_node.value == key:
                    return value_node
        return None

    def walk(self) -> Iterator[Node]:
        """Yield this node and everything below it, keys included, in document order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.items)
            for key_node, value_node in reversed(node.entries):
                waiting += (value_node, key_node)
