"""What the suite language has to know of plugins; `rocketship.plugins` provides it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from rocketship.suite.fields import Object
from rocketship.values import Json


class ObservableShape(Protocol):
    """Something assertions can check or saves can keep."""

    @property
    def doc(self) -> str:
        """One sentence for the reference."""
        ...

    @property
    def options(self) -> Object:
        """An assertion's own keys."""
        ...

    @property
    def argument(self) -> Any:
        """The Kind of what stands behind a save's key, or None for anything."""
        ...


class FindingShape(Protocol):
    """Something wrong in a configuration."""

    @property
    def path(self) -> tuple[str | int, ...]: ...

    @property
    def message(self) -> str: ...

    @property
    def hint(self) -> str | None: ...

    @property
    def of_suite(self) -> bool: ...


class PluginShape(Protocol):
    """What a step with this plugin may say."""

    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str: ...

    @property
    def config(self) -> Object: ...

    @property
    def assertions(self) -> Mapping[str, ObservableShape]: ...

    @property
    def saves(self) -> Mapping[str, ObservableShape]: ...

    def check(self, config: Mapping[str, Json]) -> Iterable[FindingShape]:
        """Yield what the description of the configuration cannot express."""
        ...

    def check_files(
        self,
        config: Mapping[str, Json],
        suite: Mapping[str, Json],
        read: Callable[[str], bytes | None],
    ) -> Iterable[FindingShape]:
        """Yield what is wrong in the files a step refers to."""
        ...

    def saved_names(self, config: Mapping[str, Json]) -> frozenset[str] | None:
        """Return the names a step saves by itself; None when only running can tell."""
        ...


class Catalog(Protocol):
    """The plugins there are."""

    def get(self, name: str) -> PluginShape | None:
        """Return the plugin of that name, or None.

        Raises:
            PluginError: There is one, but it cannot be used.
        """
        ...

    def names(self, *, third_party: bool = False) -> Collection[str]:
        """Return the names of the built-in plugins, or of all."""
        ...
