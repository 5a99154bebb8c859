"""What the steps of one unit share while they run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from rocketship.dataclass import dataclass
from rocketship.interpreter.host import UnitHost, UnitRef, UnitState
from rocketship.interpreter.plan import Plan
from rocketship.plugins.api import Files, Plugin
from rocketship.redaction import Redactor
from rocketship.run.events import Event
from rocketship.run.result import CLEANUP_PHASES
from rocketship.run.scrub import scrub
from rocketship.template.scope import Scope
from rocketship.values import Json, JsonObject

#: Steps and assertions that wait for nothing keep everything else in the process waiting: other
#: units, heartbeats, cancellation. None does for longer than this.
BREATH_SECONDS = 0.0005


class _Turns:
    """Counts the turns of the event loop in which somebody asks."""

    def __init__(self) -> None:
        self._number = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def current(self) -> int:
        """Return the number of this turn."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.call_soon(self._end)
        return self._number

    def _end(self) -> None:
        self._number += 1
        self._loop = None


_turns = _Turns()


class Plugins(Protocol):
    """Where plugins come from."""

    def get(self, name: str) -> Plugin | None:
        """Return the plugin of that name, or None."""
        ...


@dataclass(frozen=True, slots=True)
class UnitJob:
    """One unit to carry out.

    Attributes:
        saved: Values the unit starts with: those suite init saved. `secret_names` are secret ones.
        failed: For suite cleanup: whether the run failed, so that `on_failure` runs too.
        env: The environment values the suite may see.
        redactor: Knows the run's secrets; shared by all its units.
    """

    plan: Plan
    ref: UnitRef
    plugins: Plugins
    files: Files
    redactor: Redactor
    env: Mapping[str, str] = field(default_factory=dict)
    saved: Mapping[str, Json] = field(default_factory=dict)
    secret_names: tuple[str, ...] = ()
    failed: bool = False
    run: JsonObject = field(default_factory=dict)


@dataclass(slots=True)
class UnitContext:
    """A unit being carried out: its job, its host and its checkpoint."""

    job: UnitJob
    host: UnitHost
    state: UnitState
    test_name: str
    turn: int = -1
    breathed: float = 0.0

    def emit(self, event: Event) -> None:
        """Send an event on its way, scrubbed of every secret known by now."""
        redactor = self.job.redactor
        self.host.emit(scrub(event, redactor) if redactor.active else event)

    async def halt_if_interrupted(self, phase: str) -> None:
        """Begin nothing further once interrupted: wait here until the walk is cut."""
        await self.breathe()
        token = self.host.interrupt
        if token.stops_cleanup if phase in CLEANUP_PHASES else token.reason:
            await asyncio.get_running_loop().create_future()

    async def breathe(self) -> None:
        """Give all others a turn once in a while; costs nothing that could be measured."""
        turn = _turns.current()
        if turn != self.turn:  # since the last time the unit had to wait, and let others on so
            self.turn, self.breathed = turn, time.monotonic()
        elif time.monotonic() - self.breathed >= BREATH_SECONDS:
            await asyncio.sleep(0)

    def scope(self) -> Scope:
        """Return what templates see now."""
        return Scope(
            vars=self.job.plan.vars,
            env=self.job.env,
            run={**self.job.run, "test": self.test_name},
            saved=self.state.saved,
        )
