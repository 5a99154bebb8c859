"""What workers report: stored once each, in the run's one sequence, whichever engine hears of it.

A worker that was given up may come back and go on to report. From the moment another one has begun
with its unit, what it says of the unit changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rocketship.dataclass import dataclass
from rocketship.engine.hub import Hub
from rocketship.engine.worker_keys import WorkerKeys
from rocketship.errors import NotFound
from rocketship.run.events import Event, RunFinished, RunStarted, TestFinished
from rocketship.run.result import Totals
from rocketship.run.status import Status
from rocketship.store.base import (
    KeyedEvent,
    RunRecord,
    RunStore,
    UnitCheckpoint,
    stored_events,
)
from rocketship.store.sealing import Sealer
from rocketship.values import JsonObject, to_ascii_json

#: How long it is believed which attempts at the units of a run are the latest.
FENCE_SECONDS = 1.0
#: Runs whose latest attempts are remembered.
MAX_FENCED_RUNS = 1000
_FENCE = "fence."
_KEPT = "kept."


@dataclass(frozen=True, slots=True)
class Report:
    """An event of an attempt at a unit, known by its number; `unit` is empty for the run itself."""

    run_id: str
    unit: str
    attempt: int
    number: int
    event: Event

    @property
    def keyed(self) -> KeyedEvent:
        """The event with the key it is stored under once."""
        return KeyedEvent(f"{self.unit}/{self.attempt}/{self.number}", self.event)


@dataclass(slots=True)
class _Fences:
    """The latest attempt at each unit of a run that was begun again, and as of when."""

    attempts: dict[str, int]
    at: float


class Intake:
    """Takes reports from workers, and what is too large for Temporal to carry about.

    Attributes:
        keys: Which workers may take work at all.
    """

    def __init__(self, store: RunStore, hub: Hub, sealer: Sealer) -> None:
        self._store = store
        self._hub = hub
        self._sealer = sealer
        self.keys = WorkerKeys(sealer)
        self._fences: OrderedDict[str, _Fences] = OrderedDict()

    async def take(self, reports: Sequence[Report]) -> None:
        """Store reports; all of them are stored when it returns.

        Raises:
            StoreError: Some could not be stored; they may be sent again.
        """
        by_run: dict[str, list[Report]] = {}
        for report in reports:
            by_run.setdefault(report.run_id, []).append(report)
        await asyncio.gather(*(self._take(run_id, some) for run_id, some in by_run.items()))

    async def add(self, run_id: str, key: str, event: Event) -> bool:
        """Store one event of the engine's own; return whether it was new and in time."""
        return bool(await self._store_some(run_id, [KeyedEvent(key, event)]))

    async def end(self, run_id: str, events: Sequence[Event]) -> bool:
        """Store the last events of a run all at once; return whether it had not ended before.

        Raises:
            StoreError: They could not be stored.
        """
        keyed = [KeyedEvent(f"end/{number}", event) for number, event in enumerate(events)]
        return bool(await self._store_some(run_id, keyed))

    async def keep(self, run_id: str, name: str, state: JsonObject) -> None:
        """Keep a value of a run, sealed, until the run ends.

        Raises:
            NotFound: The run does not go on.
        """
        if not await self._goes_on(run_id):
            raise NotFound(f"run {run_id} does not go on")
        data = self._sealer.seal(to_ascii_json(state).encode(), run_id)
        await self._store.append(run_id, (), UnitCheckpoint(_KEPT + name, 1, data))

    async def kept(self, run_id: str, name: str) -> JsonObject:
        """Return what was kept.

        Raises:
            NotFound: There is nothing under the name.
        """
        found = await self._store.load_unit(run_id, _KEPT + name)
        if found is None:
            raise NotFound(f'nothing is kept as "{name}" for run {run_id}')
        state: JsonObject = json.loads(self._sealer.open(found.state, run_id))
        return state

    async def _take(self, run_id: str, reports: list[Report]) -> None:
        begun: dict[str, int] = {}
        for report in reports:
            if report.unit:
                begun[report.unit] = max(begun.get(report.unit, 1), report.attempt)
        latest = await self._latest(run_id, begun)
        wanted = [
            report.keyed for report in reports if report.attempt >= latest.get(report.unit, 1)
        ]
        await self._store_some(run_id, wanted)

    async def _latest(self, run_id: str, begun: Mapping[str, int]) -> dict[str, int]:
        """Return the latest attempt at each unit that was begun again, those just begun included.

        One look serves all units of a run: hardly any is ever begun again.
        """
        known = self._fences.get(run_id)
        if (
            known is None
            or time.monotonic() - known.at >= FENCE_SECONDS
            or any(attempt > known.attempts.get(unit, 1) for unit, attempt in begun.items())
        ):
            known = await self._look(run_id)
        for unit, attempt in begun.items():
            if attempt <= known.attempts.get(unit, 1):
                continue
            if await self._goes_on(run_id):
                await self._store.append(run_id, (), UnitCheckpoint(_FENCE + unit, attempt, b""))
            # Another look may have been taken meanwhile.
            known = self._fences.get(run_id, known)
            known.attempts[unit] = max(attempt, known.attempts.get(unit, 1))
        return known.attempts

    async def _look(self, run_id: str) -> _Fences:
        at = time.monotonic()
        stored = await self._store.attempts(run_id, _FENCE)
        before = self._fences.get(run_id)
        attempts = dict(before.attempts) if before else {}
        for name, attempt in stored.items():
            unit = name.removeprefix(_FENCE)
            attempts[unit] = max(attempt, attempts.get(unit, 1))
        found = self._fences[run_id] = _Fences(attempts, at)
        self._fences.move_to_end(run_id)
        while len(self._fences) > MAX_FENCED_RUNS:
            self._fences.popitem(last=False)
        return found

    async def _goes_on(self, run_id: str) -> bool:
        found = await self._store.find(run_id)
        return bool(found) and not found[0].status.finished

    async def _store_some(self, run_id: str, events: list[KeyedEvent]) -> int:
        ends = [item.event for item in events if isinstance(item.event, RunFinished)]
        end = await self._end(run_id, events, ends[0]) if ends else None
        recorded = await self._store.add(run_id, events, end)
        if recorded:
            self._hub.publish(run_id, recorded)
        return len(recorded)

    async def _end(
        self, run_id: str, events: Sequence[KeyedEvent], end: RunFinished
    ) -> RunRecord | None:
        """Return the record of a run that ends with these events."""
        found = await self._store.find(run_id)
        if not found:
            return None
        tests: dict[str, Status] = {}
        async for page in stored_events(self._store, run_id):
            _count(tests, [item.event for item in page])
        _count(tests, [item.event for item in events])
        return replace(
            found[0],
            status=end.status,
            ended_at=end.at,
            duration_seconds=end.duration_seconds,
            message=end.message,
            totals=Totals.of(tests.values()),
        )


def _count(tests: dict[str, Status], events: Sequence[Event]) -> None:
    for event in events:
        if isinstance(event, RunStarted):
            tests.update((f"t-{index}", Status.PENDING) for index in range(len(event.tests)))
        elif isinstance(event, TestFinished) and event.unit in tests:
            tests[event.unit] = event.status
