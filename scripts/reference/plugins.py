"""What each plugin takes, lets assertions look at, and lets saves keep."""

from __future__ import annotations

from collections.abc import Mapping

from reference import fields
from reference.markdown import anchored, code, table
from rocketship.plugins.api import Observable, Plugin
from rocketship.plugins.registry import Registry


def regions() -> dict[str, str]:
    """Return the generated parts of the page by their name: one for each plugin."""
    registry = Registry()
    plugins = [plugin for name in registry.names() if (plugin := registry.get(name))]
    return {f"plugin-{plugin.name}": _plugin(plugin) for plugin in plugins}


def _plugin(plugin: Plugin) -> str:
    name = plugin.name
    parts = [plugin.summary, fields.keys(plugin.config.fields.values(), f"{name}-config")]
    if rules := fields.groups(plugin.config):
        parts.append(rules)
    if plugin.assertions:
        parts += [f"### Assertions of {name}", _assertions(name, plugin.assertions)]
    if plugin.saves:
        parts += [f"### Saves of {name}", _saves(name, plugin.saves)]
    return "\n\n".join(parts)


def _assertions(plugin: str, items: Mapping[str, Observable]) -> str:
    rows = [
        (
            anchored(f"{plugin}-assertion-{name}", name),
            "<br>".join(_option(field) for field in item.options.fields.values()),
            item.doc,
        )
        for name, item in items.items()
    ]
    return table(("type", "own keys", "looks at"), rows)


def _option(field: fields.Field) -> str:
    return f"{code(field.name)}: {field.doc}" if field.doc else code(field.name)


def _saves(plugin: str, items: Mapping[str, Observable]) -> str:
    rows = [(anchored(f"{plugin}-save-{name}", name), item.doc) for name, item in items.items()]
    return table(("key", "keeps"), rows)
