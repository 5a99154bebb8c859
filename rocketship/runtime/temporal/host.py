"""The interpreter's host on a worker: checkpoints are heartbeats, events are reports.

A checkpoint is sent only when every event before it is stored, so that whoever goes on from it
finds a complete record. Before a step that must not be repeated the checkpoint has to arrive, and
from then on every one that the interpreter asks for; after other steps the next heartbeat takes it
along, and what it did not reach is done again, from the start if need be.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from rocketship.interpreter.host import Interrupt, InterruptToken, UnitRef, UnitState
from rocketship.run.events import Event
from rocketship.run.result import CLEANUP_PHASES
from rocketship.runtime.ports import Reports, States
from rocketship.values import JsonObject, to_ascii_json

log = logging.getLogger(__name__)

#: How often a checkpoint travels, and how soon a unit hears that it is cancelled, because only the
#: answer to a heartbeat tells.
PULSE_SECONDS = 0.3
#: Of all units on a worker together; many of them beat less often, or they would do little else.
MAX_PULSES_PER_SECOND = 100
#: What liveness alone needs; large checkpoints travel no more often.
PULSES_PER_TIMEOUT = 4
SMALL_BYTES = 16 * 1024
#: Larger checkpoints are kept by the engine, and only their names travel.
MAX_INLINE_BYTES = 256 * 1024
_KEPT = "kept"


class Lost(Exception):
    """Temporal has given the unit to another worker."""


class WorkerHost:
    """One unit's host.

    Args:
        heartbeat: Sends a checkpoint without waiting for an answer.
        confirm: Sends one and waits until it has arrived; raises `Lost` when nobody wants it.
        timeout_seconds: After so long without a heartbeat the unit belongs to somebody else.
        neighbours: Tells how many units the worker has, this one included.
        careful: Whether every checkpoint the interpreter insists on has to arrive.
    """

    def __init__(
        self,
        unit: UnitRef,
        *,
        earlier: JsonObject | None,
        reports: Reports,
        states: States,
        heartbeat: Callable[[JsonObject | None], None],
        confirm: Callable[[JsonObject | None], Awaitable[None]],
        timeout_seconds: float,
        neighbours: Callable[[], int],
        careful: bool = False,
    ) -> None:
        self.unit = unit
        self.interrupt = InterruptToken()
        self._reports = reports
        self._states = states
        self._heartbeat = heartbeat
        self._confirm = confirm
        self._timeout = timeout_seconds
        self._neighbours = neighbours
        self._safe = earlier
        self._next: tuple[JsonObject, int] | None = None
        self._changed = asyncio.Event()
        self._advancing = asyncio.Lock()
        self._number = 0
        self._place = 0
        self._beaten = time.monotonic()
        #: Other than `_beaten`, without confirmations: those do not tell that a unit is cancelled.
        self._pulsed = self._beaten
        self._draining = False
        self._large = False
        self._precious = careful

    # What the interpreter asks for

    async def load(self) -> UnitState | None:
        if self._safe is None:
            return None
        state = self._safe
        if _KEPT in state:
            state = await self._states.kept(self.unit.run_id, str(state[_KEPT]))
        return UnitState.decode(state)

    async def save(self, state: UnitState, *, ack: bool = False) -> None:
        if self._draining:
            # The step before has ended, and the next has not begun: a good moment to leave.
            self.interrupt.set(Interrupt.EVICT)
            if state.in_flight:
                return
        self._next = (state.encode(), self._place)
        self._changed.set()
        self._precious = self._precious or state.in_flight or state.phase in CLEANUP_PHASES
        if not (ack and (self._precious or self.unit.attempt > 1)):
            return
        await self._reports.wait_stored(self._place)
        await self._advance()
        try:
            await self._confirm(self._safe)
        except Lost:
            self.lose()
        else:
            self._beaten = time.monotonic()

    def emit(self, event: Event) -> None:
        if self._overdue:
            self.lose()
        if self.lost:
            return
        self._number += 1
        self._place = self._reports.report(self.unit.run_id, event, self._number)

    # What its worker asks for

    @property
    def lost(self) -> bool:
        """Whether the unit belongs to another worker by now, and nothing may be told of it."""
        return self._timeout <= 0

    def lose(self) -> None:
        """Stop everything: another worker has the unit, or will have it in a moment."""
        if not self.lost:
            where = {"run_id": self.unit.run_id, "unit": self.unit.key}
            log.warning("unit_lost_here", extra={**where, "attempt": self.unit.attempt})
        self._timeout = 0
        self.interrupt.set(Interrupt.EVICT)

    def drain(self) -> None:
        """Leave the unit to another worker as soon as the step in flight has ended."""
        self._draining = True

    async def settle(self) -> None:
        """Return once everything that happened is stored."""
        await self._reports.wait_stored(self._place)

    async def leave(self) -> JsonObject | None:
        """Return the last checkpoint whose events are all stored, for whoever goes on."""
        await self._advance()
        return self._safe

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Send heartbeats for as long as the context lasts."""
        tasks = (asyncio.create_task(self._pulse()), asyncio.create_task(self._follow()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    async def _pulse(self) -> None:
        """Beat for ever. A process that was frozen for too long notices it here."""
        while not self.lost:
            # Most units end before their first heartbeat, and others have sent a checkpoint lately.
            await asyncio.sleep(max(0.0, self._pulsed + self._interval - time.monotonic()))
            if time.monotonic() - self._pulsed >= self._interval:
                self._beat()

    async def _follow(self) -> None:
        """Let every checkpoint travel as soon as it may, but not more often than is useful."""
        while True:
            await asyncio.sleep(self._interval)
            await self._changed.wait()
            self._changed.clear()
            if self._next is not None:
                await self._reports.wait_stored(self._next[1])
            if await self._advance():
                self._beat()

    def _beat(self) -> None:
        if self._overdue:
            self.lose()
            return
        self._beaten = self._pulsed = time.monotonic()
        self._heartbeat(self._safe)

    @property
    def _interval(self) -> float:
        slow = self._timeout / PULSES_PER_TIMEOUT
        if self._large:
            return slow
        return min(slow, max(PULSE_SECONDS, self._neighbours() / MAX_PULSES_PER_SECOND))

    async def _advance(self) -> bool:
        """Make the newest checkpoint whose events are stored the one that travels."""
        async with self._advancing:
            if self._next is None or self.lost or not self._reports.stored(self._next[1]):
                return False
            state, self._next = self._next[0], None
            size = len(to_ascii_json(state))
            self._large = size > SMALL_BYTES
            if size > MAX_INLINE_BYTES:
                # By its name; the checkpoint before it must stay what it is until this one is safe.
                name = f"{self.unit.key}.{self.unit.attempt}.{self._number}"
                await self._states.keep(self.unit.run_id, name, state)
                state = {_KEPT: name}
            self._safe = state
        return True

    @property
    def _overdue(self) -> bool:
        return not self.lost and time.monotonic() - self._beaten > self._timeout
