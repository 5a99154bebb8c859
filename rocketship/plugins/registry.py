"""Which plugins there are: ours from a table, everybody else's from entry points.

Looking at entry points reads the metadata of every installed package, which takes longer than
parsing a suite. So the built-ins have a table of their own, and entry points are read only for
names not in it. That also means that nothing installed later can take the place of a built-in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from importlib import import_module
from typing import TYPE_CHECKING

from rocketship.errors import PluginError, SettingsError
from rocketship.plugins.api import Plugin
from rocketship.suite.fields import Choice, has_template
from rocketship.suite.problem import did_you_mean
from rocketship.values import Json

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP = "rocketship.plugins"

#: Name to "module:class". The package's own entry points say the same, for other tools to read.
BUILT_IN: Mapping[str, str] = {
    "delay": "rocketship.plugins.delay:Delay",
    "http": "rocketship.plugins.http.plugin:Http",
    "log": "rocketship.plugins.log:LogPlugin",
    "script": "rocketship.plugins.script.plugin:Script",
    "sql": "rocketship.plugins.sql.plugin:Sql",
}

#: Plugins of the language that come with later releases; to forbid one early is no mistake.
PLANNED = ("agent", "browser_use", "playwright", "supabase")


class Registry:
    """Finds plugins by name and holds one instance of each that was asked for.

    Args:
        disabled: What the operator forbids: whole plugins (`agent`) or one variant of a plugin
            (`script.shell`).
    """

    def __init__(self, disabled: Collection[str] = ()) -> None:
        self._disabled = frozenset(disabled)
        self._plugins: dict[str, Plugin] = {}
        self._entry_points: dict[str, list[EntryPoint]] | None = None

    def names(self, *, third_party: bool = False) -> tuple[str, ...]:
        """Return the sorted names of the built-ins, and on demand (slower) of all others."""
        if not third_party:
            return tuple(sorted(BUILT_IN))
        return tuple(sorted({*BUILT_IN, *self._third_party()}))

    def get(self, name: str) -> Plugin | None:
        """Return the plugin of that name, or None when nothing provides it.

        Raises:
            PluginError: A distribution provides it, but it cannot be used; the message says why.
        """
        plugin = self._plugins.get(name)
        if plugin is None and (plugin_class := self._find(name)) is not None:
            plugin = self._plugins[name] = plugin_class()
        return plugin

    def refusal(self, plugin: str, config: Mapping[str, Json]) -> str | None:
        """Return why a step must not run here although the plugin exists, or None when it may.

        `config` may be as written or rendered. A variant that only rendering can tell is refused as
        soon as any variant of the plugin is disabled.
        """
        if plugin in self._disabled:
            return f'the plugin "{plugin}" is disabled here'
        prefix = f"{plugin}."
        variants = {name for name in self._disabled if name.startswith(prefix)}
        found = self.get(plugin) if variants else None
        if found is None or found.variant is None:
            return None
        value = config.get(found.variant)
        if has_template(value):
            return f'"{found.variant}" must be written out: some of its values are disabled here'
        variant = f"{prefix}{value}"
        return f'"{variant}" is disabled here' if variant in variants else None

    def check_disabled(self) -> None:
        """Make sure that what the operator forbids exists: a slip of the pen would forbid nothing.

        Raises:
            SettingsError: A name in ROCKETSHIP_DISABLE_PLUGINS means nothing.
        """
        for name in sorted(self._disabled):
            plugin, _, variant = name.partition(".")
            if plugin in PLANNED:
                continue
            if plugin not in BUILT_IN and plugin not in self._third_party():
                raise _means_nothing(name, [*PLANNED, *self.names(third_party=True)])
            if variant and variant not in (variants := self._variants(plugin)):
                raise _means_nothing(name, [f"{plugin}.{word}" for word in variants] or [plugin])

    def _variants(self, plugin: str) -> tuple[str, ...]:
        found = self.get(plugin)
        if found is None or found.variant is None:
            return ()
        kind = found.config.fields[found.variant].kind
        return kind.options if isinstance(kind, Choice) else ()

    async def close(self) -> None:
        """Close every plugin that was in use; one that fails does not keep the others open."""
        async with AsyncExitStack() as stack:
            for plugin in self._plugins.values():
                stack.push_async_callback(plugin.close)
            self._plugins.clear()

    def _find(self, name: str) -> type[Plugin] | None:
        if name in BUILT_IN:
            module, _, attribute = BUILT_IN[name].partition(":")
            built_in: type[Plugin] = getattr(import_module(module), attribute)
            return built_in
        candidates = self._third_party().get(name, [])
        if len(candidates) > 1:
            rivals = " and ".join(sorted(_distribution(entry) for entry in candidates))
            raise PluginError(
                f'the plugin "{name}" is provided by {rivals}', hint="uninstall all but one of them"
            )
        return _load(candidates[0]) if candidates else None

    def _third_party(self) -> dict[str, list[EntryPoint]]:
        if self._entry_points is None:
            from importlib.metadata import entry_points

            self._entry_points = {}
            for entry in entry_points(group=ENTRY_POINT_GROUP):
                if entry.name not in BUILT_IN:
                    self._entry_points.setdefault(entry.name, []).append(entry)
        return self._entry_points


def _means_nothing(name: str, known: Collection[str]) -> SettingsError:
    hint = did_you_mean(name, known) or "known: " + ", ".join(sorted(known))
    return SettingsError(f'ROCKETSHIP_DISABLE_PLUGINS: there is no "{name}"', hint=hint)


def _load(entry: EntryPoint) -> type[Plugin]:
    where = f'the plugin "{entry.name}" of {_distribution(entry)}'
    try:
        found = entry.load()
    except Exception as error:  # whatever somebody else's module does while it is imported
        cause = f"{type(error).__name__}: {error}"
        raise PluginError(
            f"{where} cannot be loaded: {cause}", hint="reinstall or update the distribution"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise PluginError(f"{where} cannot be used: {entry.value} is not a subclass of Plugin")
    if getattr(found, "name", None) != entry.name:
        raise PluginError(
            f'{where} cannot be used: {entry.value} has the name "{getattr(found, "name", "")}"'
        )
    return found


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"
