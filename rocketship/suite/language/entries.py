"""Assertions and saves: entries whose keys depend on the plugin of their step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from rocketship.suite.fields import AnyJson, Field, Object, has_template
from rocketship.suite.grammar import ASSERTION_FIELDS, SAVE_FIELDS
from rocketship.suite.language.catalog import ObservableShape, PluginShape
from rocketship.suite.node import Node
from rocketship.suite.operators import DEFAULT_OPERATOR, OPERATORS
from rocketship.suite.problem import Problems, did_you_mean
from rocketship.values import Json, to_text

_TYPE = ASSERTION_FIELDS[0].kind


class Entries:
    """The assertions and saves of one plugin's steps.

    Args:
        plugin: The plugin.
    """

    def __init__(self, plugin: PluginShape) -> None:
        self._plugin = plugin
        self._types: dict[str, Object] = {}
        sources = plugin.saves
        self.save = Object(
            *SAVE_FIELDS,
            *(_source(name, shape) for name, shape in sources.items()),
            exactly_one=[tuple(sources)] if sources else [],
        )

    def assertion(self, type_name: str) -> Object | None:
        """Return the description of an assertion type, or None when the plugin does not have it."""
        shape = self._plugin.assertions.get(type_name)
        if shape is None:
            return None
        if type_name not in self._types:
            options = shape.options
            self._types[type_name] = Object(
                *ASSERTION_FIELDS,
                *options.fields.values(),
                exactly_one=options.exactly_one,
                at_most_one=options.at_most_one,
            )
        return self._types[type_name]

    def check_assertions(self, entries: Node, problems: Problems) -> None:
        """Report what is wrong with the entries of `assertions`."""
        if entries.items and not self._plugin.assertions:
            self._nothing_here("assertions", entries, problems)
            return
        for entry in _mappings(entries):
            self._check_assertion(entry, problems)

    def check_saves(self, entries: Node, problems: Problems) -> None:
        """Report what is wrong with the entries of `save`."""
        if entries.items and not self._plugin.saves:
            self._nothing_here("save", entries, problems)
            return
        for entry in _mappings(entries):
            self.save.check(entry, problems)

    def _nothing_here(self, key: str, entries: Node, problems: Problems) -> None:
        message = f'steps with the plugin "{self._plugin.name}" cannot have "{key}"'
        problems.error(entries.location, message, "remove it, or move it to another step")

    def _check_assertion(self, entry: Node, problems: Problems) -> None:
        type_node = entry.get("type")
        if type_node is None:
            known = "types: " + ", ".join(self._plugin.assertions)
            problems.error(entry.location, '"type" is missing', known)
            return
        name = type_node.value
        if not isinstance(name, str) or has_template(name):
            _TYPE.check(type_node, problems)
            return
        described_type = self.assertion(name)
        if described_type is None:
            problems.error(
                type_node.location,
                f'the plugin "{self._plugin.name}" has no assertion "{name}"',
                _suggest(name, self._plugin.assertions),
            )
            return
        described_type.check(entry, problems)
        given = described_type.with_guesses(entry, problems)
        _check_operator(entry, "expected" in given, problems)


def operator_of(assertion: Mapping[str, Json]) -> str:
    """Return the operator of an assertion as written, the older spelling included."""
    exists = assertion.get("exists")
    if isinstance(exists, bool):
        return "exists" if exists else "not_exists"
    operator = assertion.get("operator")
    return DEFAULT_OPERATOR if operator is None else to_text(operator)


def _check_operator(entry: Node, has_expected: bool, problems: Problems) -> None:
    exists, written = _value(entry, "exists"), _value(entry, "operator")
    if exists is not None and written is not None:
        problems.error(entry.location, '"exists" and "operator" exclude each other; keep one')
        return
    name = operator_of({"exists": exists, "operator": written})
    operator = OPERATORS.get(name)
    if operator is None or (exists is not None and not isinstance(exists, bool)):
        return  # reported as a value the key cannot have
    expected = entry.get("expected")
    if operator.needs_expected and not has_expected:
        hint = f'"{name}" compares with it; expected: null means that the value is null'
        problems.error(entry.location, '"expected" is missing', hint)
    elif expected is not None and not has_template(expected.value):
        if not operator.needs_expected and expected.value is not None:
            hint = "remove it, or choose another operator"
            problems.warning(expected.location, f'"{name}" does not look at "expected"', hint)
        elif complaint := operator.complaint(expected.value):
            problems.error(expected.location, complaint, f"the operator is {name}: {operator.doc}")


def _source(name: str, shape: ObservableShape) -> Field:
    return Field(name, shape.argument or AnyJson(), shape.doc)


def _mappings(entries: Node) -> Iterator[Node]:
    """Yield the entries that are mappings; the others are reported with the step."""
    return (entry for entry in entries.items if isinstance(entry.value, dict))


def _value(entry: Node, key: str) -> Json:
    node = entry.get(key)
    return node.value if node else None


def _suggest(name: str, known: Collection[str]) -> str:
    return did_you_mean(name, known) or "it has: " + ", ".join(known)
