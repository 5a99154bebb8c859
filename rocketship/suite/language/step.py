"""A step: its configuration over the suite's defaults, checked the way its plugin describes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rocketship.errors import PluginError
from rocketship.suite.fields import FilePath, Kind, Visit, describe, has_template
from rocketship.suite.grammar import STEP
from rocketship.suite.language.catalog import Catalog, PluginShape
from rocketship.suite.language.entries import Entries, operator_of
from rocketship.suite.node import Node
from rocketship.suite.operators import OPERATORS
from rocketship.suite.problem import Problems, did_you_mean
from rocketship.values import Json, JsonObject, Location


class StepKind(Kind):
    """A step with its plugin.

    Args:
        catalog: The plugins there are.
        defaults: The suite's `defaults` by plugin.
    """

    label = "a step"

    def __init__(self, catalog: Catalog, defaults: Mapping[str, Node]) -> None:
        self._catalog = catalog
        self._defaults = defaults
        self._entries: dict[str, Entries] = {}

    def accepts(self, value: Json) -> bool:
        return isinstance(value, dict)

    def check(self, node: Node, problems: Problems) -> None:
        """Report what is wrong; without a usable plugin, only what all plugins have in common."""
        STEP.check(node, problems)
        name = _text(node, "plugin")
        if name is None:
            return
        try:
            plugin = self._catalog.get(name)
        except PluginError as error:
            problems.error(_place(node, "plugin"), error.message, error.hint)
            return
        if plugin is None:
            names = self._catalog.names(third_party=True)
            hint = did_you_mean(name, names) or "plugins: " + ", ".join(sorted(names))
            problems.error(_place(node, "plugin"), f'unknown plugin "{name}"', hint)
            return
        self._check_config(node, plugin, problems)
        entries = self.entries(plugin)
        if assertions := node.get("assertions"):
            entries.check_assertions(assertions, problems)
        if saves := node.get("save"):
            entries.check_saves(saves, problems)

    def convert(self, value: Json, where: str) -> Json:
        return value

    def schema(self) -> JsonObject:
        return {"$ref": "#/definitions/step"}

    def visit(self, node: Node, visit: Visit) -> None:
        visit(self, node)
        STEP.visit(node, visit)
        plugin = self.plugin(node)
        if plugin is None:
            return
        plugin.config.visit(self.config(node), visit)
        assertions = node.get("assertions")
        for entry in assertions.items if assertions else ():
            described = self.entries(plugin).assertion(_text(entry, "type") or "")
            if described is not None:
                described.visit(entry, visit)
                _visit_expected(entry, visit)
        saves = node.get("save")
        for entry in saves.items if saves else ():
            self.entries(plugin).save.visit(entry, visit)

    def plugin(self, node: Node) -> PluginShape | None:
        """Return the plugin of a step, or None when it names none that can be used."""
        name = _text(node, "plugin")
        try:
            return self._catalog.get(name) if name else None
        except PluginError:
            return None

    def entries(self, plugin: PluginShape) -> Entries:
        """Return the descriptions of a plugin's assertions and saves."""
        if plugin.name not in self._entries:
            self._entries[plugin.name] = Entries(plugin)
        return self._entries[plugin.name]

    def config(self, node: Node) -> Node:
        """Return the configuration of a step with the suite's defaults for its plugin under it."""
        config = node.get("config")
        if config is None or config.value is None:
            config = Node({}, node.location)
        if not self._defaults:
            return config
        plugin = self.plugin(node)
        defaults = self._defaults.get(plugin.name) if plugin else None
        return plugin.config.merge(defaults, config) if plugin and defaults else config

    def _check_config(self, node: Node, plugin: PluginShape, problems: Problems) -> None:
        config = self.config(node)
        if not isinstance(config.value, dict):
            return
        found = Problems(problems.allow_unknown_keys)
        plugin.config.check(config, found)
        problems.extend(found)
        # A plugin looks deeper, and may rely on the types its description asks for.
        if not found.failed:
            for finding in plugin.check(config.value):
                where = descend(config, finding.path).location
                problems.error(where, finding.message, finding.hint)


class DefaultsKind(Kind):
    """The key `defaults`: partial configurations by plugin.

    What is in them is checked with every step they go into; `used` are the plugins of all steps.
    """

    label = "a mapping"

    def __init__(self, catalog: Catalog, used: Iterable[str]) -> None:
        self._catalog = catalog
        self._used = frozenset(used)

    def accepts(self, value: Json) -> bool:
        return isinstance(value, dict)

    def check(self, node: Node, problems: Problems) -> None:
        if not isinstance(node.value, dict):
            message = f"expected a mapping, found {describe(node.value)}"
            problems.error(node.location, message)
            return
        names = self._catalog.names(third_party=True)
        for key_node, value_node in node.entries:
            name = str(key_node.value)
            if name.startswith("x-"):
                continue
            if name not in names:
                hint = did_you_mean(name, names) or "plugins: " + ", ".join(sorted(names))
                problems.error(key_node.location, f'unknown plugin "{name}"', hint)
            elif not isinstance(value_node.value, dict):
                message = f"expected a mapping, found {describe(value_node.value)}"
                problems.error(value_node.location, message)
            elif name not in self._used:
                message = f'no step uses the plugin "{name}"'
                problems.warning(key_node.location, message, "remove its defaults")

    def convert(self, value: Json, where: str) -> Json:
        return value

    def schema(self) -> JsonObject:
        return {"$ref": "#/definitions/defaults"}


def _visit_expected(entry: Node, visit: Visit) -> None:
    """Visit an expectation that is the path of a file."""
    expected = entry.get("expected")
    if expected is None or not isinstance(entry.value, dict) or not expected.value:
        return
    operator = OPERATORS.get(operator_of(entry.value))
    if operator and operator.reads_file and isinstance(expected.value, str):
        visit(FilePath(), expected)


def descend(node: Node, path: tuple[str | int, ...]) -> Node:
    """Return the node a path leads to, or the last one on the way there."""
    for part in path:
        if isinstance(part, str):
            below = node.get(part)
        else:
            below = node.items[part] if 0 <= part < len(node.items) else None
        if below is None:
            break
        node = below
    return node


def _text(node: Node, key: str) -> str | None:
    """Return the literal text of a key, or None."""
    found = node.get(key)
    if found is None or not isinstance(found.value, str) or has_template(found.value):
        return None
    return found.value or None


def _place(node: Node, key: str) -> Location:
    found = node.get(key)
    return found.location if found else node.location
