"""Fakes for tests of plugins and of the interpreter, for plugin authors and for ourselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.interpreter.host import InterruptToken, UnitRef, UnitState
from rocketship.plugins.api import Call, Plugin
from rocketship.run.events import Event
from rocketship.template.render import render
from rocketship.template.scope import Scope
from rocketship.values import JsonObject


class FakeFiles:
    """Files from a mapping of path to bytes."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._files = dict(files or {})

    def read(self, path: str) -> bytes:
        if path not in self._files:
            raise ConfigError(f'the file "{path}" was not collected with the run')
        return self._files[path]


@dataclass(slots=True)
class LogLine:
    """A line a plugin logged."""

    message: str
    level: str
    source: str


@dataclass(slots=True)
class FakeLog:
    """Keeps what a plugin logs."""

    lines: list[LogLine] = field(default_factory=list)

    def __call__(self, message: str, *, level: str = "info", source: str = "log") -> None:
        self.lines.append(LogLine(message, level, source))


def make_call(
    plugin: Plugin,
    config: JsonObject,
    *,
    scope: Scope | None = None,
    files: Mapping[str, bytes] | None = None,
    log: FakeLog | None = None,
    **changes: Any,
) -> Call:
    """Return the call the interpreter would make: configuration rendered and converted.

    Raises:
        TemplateError, ConfigError: As in a real run.
    """
    scope = scope or Scope()
    rendered = render(config, scope, "config")
    return Call(
        config=plugin.config.convert(rendered, "config"),
        scope=scope,
        files=FakeFiles(files),
        log=log or FakeLog(),
        **changes,
    )


class FakeHost:
    """A UnitHost in memory: keeps events and checkpoints in lists.

    Args:
        earlier: The checkpoint an earlier holder left, as `encode` wrote it.
    """

    def __init__(self, unit: UnitRef, earlier: JsonObject | None = None) -> None:
        self.unit = unit
        self.interrupt = InterruptToken()
        self.events: list[Event] = []
        self.checkpoints: list[JsonObject] = []
        self._earlier = earlier

    async def load(self) -> UnitState | None:
        return UnitState.decode(self._earlier) if self._earlier is not None else None

    async def save(self, state: UnitState, *, ack: bool = False) -> None:
        # Through JSON, because that is all that survives in a real journal.
        self.checkpoints.append(json.loads(json.dumps(state.encode())))

    def emit(self, event: Event) -> None:
        self.events.append(event)
