"""A suite's nodes together with the grammar that fits its plugins and defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from rocketship.dataclass import dataclass
from rocketship.suite.fields import FilePath, Kind, Object
from rocketship.suite.grammar import suite_object
from rocketship.suite.language.catalog import Catalog
from rocketship.suite.language.step import DefaultsKind, StepKind
from rocketship.suite.node import Node
from rocketship.suite.problem import Problems

CLEANUP_LISTS = ("on_failure", "always")


@dataclass(frozen=True, slots=True)
class FileUse:
    """A file path in a suite; `templated` says that templates in the file are filled in."""

    node: Node
    templated: bool


class SuiteNodes:
    """The nodes of a suite, right or wrong, and what the grammar says about them.

    Args:
        root: The document.
        catalog: The plugins there are.
    """

    def __init__(self, root: Node, catalog: Catalog) -> None:
        self.root = root
        self.step_kind = StepKind(catalog, _defaults(root))
        used = (step.get("plugin") for step in self.steps())
        defaults = DefaultsKind(catalog, [str(node.value) for node in used if node])
        self._grammar = suite_object(self.step_kind, defaults)

    def check(self, problems: Problems) -> None:
        """Report everything the grammar and the plugins find wrong."""
        if self.root.value is None:
            hint = "a suite has a name and tests"
            problems.error(self.root.location, "there is nothing in the file", hint)
            return
        self._grammar.check(self.root, problems)

    def steps(self) -> Iterator[Node]:
        """Yield every step of the suite in document order, except what is no mapping."""
        yield from mappings(self.root, "init")
        for test in mappings(self.root, "tests"):
            yield from mappings(test, "init")
            yield from mappings(test, "steps")
            yield from _cleanup(test)
        yield from _cleanup(self.root)

    @cached_property
    def files(self) -> list[FileUse]:
        """Every file path in the suite."""
        return file_uses(self._grammar, self.root)


def file_uses(kind: Kind, node: Node) -> list[FileUse]:
    """Return the file paths below a node of a kind; a node that is used twice comes twice."""
    found: list[FileUse] = []
    templated: set[int] = set()

    def visit(kind: Kind, node: Node) -> None:
        # Most kinds are neither, and `isinstance` is slow to say so of an abstract class.
        if type(kind) is FilePath:
            if isinstance(node.value, str) and node.value:
                found.append(FileUse(node, kind.templated or id(node) in templated))
        elif type(kind) is Object and _is_template(node):
            templated.update(id(value) for _, value in node.entries)

    kind.visit(node, visit)
    return found


def mappings(node: Node, key: str) -> Iterator[Node]:
    """Yield the entries of a list that are mappings."""
    entries = node.get(key)
    for entry in entries.items if entries else ():
        if isinstance(entry.value, dict):
            yield entry


def _is_template(node: Node) -> bool:
    """Return whether files named in a mapping are templates, or may be."""
    template = node.get("template")
    return template is not None and template.value not in (None, False)


def _cleanup(node: Node) -> Iterator[Node]:
    cleanup = node.get("cleanup")
    if cleanup:
        for name in CLEANUP_LISTS:
            yield from mappings(cleanup, name)


def _defaults(root: Node) -> Mapping[str, Node]:
    defaults = root.get("defaults")
    return {str(key.value): value for key, value in defaults.entries} if defaults else {}
