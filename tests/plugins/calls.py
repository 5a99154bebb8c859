"""Calling a plugin the way the interpreter does, without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rocketship.errors import ConfigError
from rocketship.plugins import Call, Outcome, Plugin, Scope
from rocketship.values import Json

T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """A line that a plugin sent to whoever watches."""

    message: str
    level: str = "info"
    source: str = "log"


@dataclass
class Lines:
    """Collects lines; calls `on_line`, if any, with each as it arrives."""

    all: list[Line] = field(default_factory=list)
    on_line: Callable[[Line], None] | None = None

    def __call__(self, message: str, *, level: str = "info", source: str = "log") -> None:
        line = Line(message, level, source)
        self.all.append(line)
        if self.on_line is not None:
            self.on_line(line)

    def of(self, source: str) -> list[str]:
        return [line.message for line in self.all if line.source == source]


@dataclass(frozen=True)
class Files:
    """Files in memory."""

    content: Mapping[str, bytes]

    def read(self, path: str) -> bytes:
        if path not in self.content:
            raise ConfigError(f"{path} was not collected with the run")
        return self.content[path]


def make_call(
    plugin: Plugin,
    config: Mapping[str, Any],
    *,
    scope: Scope | None = None,
    files: Mapping[str, bytes] | None = None,
    log: Lines | None = None,
    asserted: frozenset[str] = frozenset(),
    suite: Mapping[str, Json] | None = None,
    workdir: str = ".",
) -> Call:
    return Call(
        config=plugin.config.convert(dict(config), "config"),
        scope=scope or Scope(),
        files=Files(files or {}),
        log=log or Lines(),
        asserted=asserted,
        suite=suite or {},
        workdir=workdir,
    )


def run_step(plugin: Plugin, config: Mapping[str, Any], **options: Any) -> Outcome:
    """Run one step in an event loop of its own, and close the plugin."""
    return in_loop(plugin, lambda: plugin.run(make_call(plugin, config, **options)))


def in_loop(plugin: Plugin, work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` in an event loop of its own, and close the plugin."""

    async def main() -> T:
        try:
            return await work()
        finally:
            await plugin.close()

    return asyncio.run(main())
