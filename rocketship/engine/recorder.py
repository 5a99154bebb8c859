"""Persist, then publish: gives every event its number, stores it, and only then shows it.

Events are gathered for a moment and stored together; a checkpoint takes everything before it along
in the same transaction, so the record can never be ahead of what happened or behind what was
promised.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import field, replace

from rocketship.dataclass import dataclass
from rocketship.engine.hub import Hub
from rocketship.errors import Disowned, RocketshipError, StoreError
from rocketship.run.events import Event, Recorded, RunFinished, RunStarted, TestFinished
from rocketship.run.result import Totals
from rocketship.run.status import Status
from rocketship.store.base import RunRecord, RunStore, UnitCheckpoint
from rocketship.store.sealing import Sealer
from rocketship.values import JsonObject, to_ascii_json

log = logging.getLogger(__name__)

#: How long an event may wait for company; a checkpoint stores it sooner.
GATHER_SECONDS = 0.02


@dataclass(slots=True)
class _Track:
    """A run being recorded."""

    record: RunRecord
    seq: int
    tests: dict[str, Status] = field(default_factory=dict)
    pending: list[Recorded] = field(default_factory=list)
    end: RunRecord | None = None
    timer: asyncio.TimerHandle | None = None
    flushes: set[asyncio.Task[None]] = field(default_factory=set)
    error: StoreError | None = None
    finished: bool = False

    def count(self, event: Event) -> None:
        """Keep how each test ended, for the totals of the run."""
        if isinstance(event, RunStarted):
            self.tests = {f"t-{index}": Status.PENDING for index in range(len(event.tests))}
        elif isinstance(event, TestFinished) and event.unit in self.tests:
            self.tests[event.unit] = event.status


class Recorder:
    """Records the runs of this process; the sink and the journal of their runtime."""

    def __init__(self, store: RunStore, hub: Hub, sealer: Sealer) -> None:
        self._store = store
        self._hub = hub
        self._sealer = sealer
        self._tracks: dict[str, _Track] = {}

    def begin(self, record: RunRecord, events: Sequence[Event]) -> None:
        """Start recording a run that has these events already."""
        track = self._tracks[record.id] = _Track(record, len(events))
        for event in events:
            track.count(event)
        self._hub.open(record.id)

    def end(self, run_id: str, error: RocketshipError | None = None) -> None:
        """Stop recording a run and end it for its watchers, who get the error if there is one."""
        track = self._tracks.pop(run_id)
        if track.timer is not None:
            track.timer.cancel()
        if isinstance(error, StoreError) and not isinstance(error, Disowned):
            _lost(track, error)
        self._hub.close(run_id, error or track.error)

    async def conclude(self, record: RunRecord, events: Sequence[Recorded], message: str) -> None:
        """Store that a run, of which only these events are known, has come to a bad end.

        Raises:
            StoreError: It cannot be stored.
        """
        track = _Track(record, events[-1].seq if events else 0)
        for item in events:
            track.count(item.event)
        now = time.time()
        duration = max(0.0, now - record.created_at)
        event = RunFinished(now, Status.FAILED, duration, message)
        last = Recorded(track.seq + 1, event)
        end = self._ended(track, event)
        await self._store.append(record.id, [last], None, end, owner=record.owner)
        self._hub.publish(record.id, [last])

    def emit(self, run_id: str, event: Event) -> None:
        track = self._tracks[run_id]
        track.seq += 1
        track.count(event)
        track.pending.append(Recorded(track.seq, event))
        if isinstance(event, RunFinished):
            track.end = self._ended(track, event)
            track.finished = True
        if track.timer is None:
            loop = asyncio.get_running_loop()
            track.timer = loop.call_later(GATHER_SECONDS, self._flush_soon, track)

    def add(self, run_id: str, event: Event) -> bool:
        """Take an event from outside the runtime; return whether the run still takes any."""
        track = self._tracks.get(run_id)
        if track is None or track.finished:
            return False
        self.emit(run_id, event)
        return True

    async def take_line(self, run_id: str, event: Event, receipt: UnitCheckpoint) -> None:
        """Store an event from outside with its receipt, if the run still takes any."""
        if self.add(run_id, event):
            await self._store_pending(self._tracks[run_id], receipt)

    async def flush(self, run_id: str) -> None:
        track = self._tracks[run_id]
        await self._store_pending(track)
        while track.flushes:
            await asyncio.wait(track.flushes)
        if track.error is not None:
            raise track.error

    async def load_unit(self, run_id: str, unit: str) -> tuple[int, JsonObject] | None:
        found = await self._store.load_unit(run_id, unit)
        if found is None:
            return None
        state: JsonObject = json.loads(self._sealer.open(found.state, run_id))
        return found.attempt, state

    async def save_unit(
        self, run_id: str, unit: str, attempt: int, state: JsonObject, *, sensitive: bool
    ) -> None:
        data = to_ascii_json(state).encode()
        if sensitive:
            data = self._sealer.seal(data, run_id)
        await self._store_pending(self._tracks[run_id], UnitCheckpoint(unit, attempt, data))

    def _flush_soon(self, track: _Track) -> None:
        track.timer = None
        task = asyncio.ensure_future(self._store_quietly(track))
        track.flushes.add(task)
        task.add_done_callback(track.flushes.discard)

    async def _store_quietly(self, track: _Track) -> None:
        """Store in the background; the error is kept for whoever flushes."""
        try:
            await self._store_pending(track)
        except StoreError as error:
            track.error = track.error or error

    async def _store_pending(self, track: _Track, unit: UnitCheckpoint | None = None) -> None:
        events, track.pending = track.pending, []
        end, track.end = track.end, None
        if not (events or unit or end):
            return
        record = track.record
        try:
            # No other await before the store takes the work: batches are stored in sequence.
            await self._store.append(record.id, events, unit, end, owner=record.owner)
        except Disowned as error:
            # Whoever has the run now numbers its events; ours must not be seen.
            track.error = error
            raise
        except StoreError as error:
            _lost(track, error)
            # What happened is shown even when it could not be kept; the error follows at the end.
            self._hub.publish(record.id, events)
            raise
        self._hub.publish(record.id, events)

    def _ended(self, track: _Track, event: RunFinished) -> RunRecord:
        return replace(
            track.record,
            status=event.status,
            ended_at=event.at,
            duration_seconds=event.duration_seconds,
            message=event.message,
            totals=Totals.of(track.tests.values()),
        )


def _lost(track: _Track, error: StoreError) -> None:
    """Keep why a run's record is incomplete, and tell operators once."""
    if track.error is None:
        log.error("run_not_recorded", extra={"run_id": track.record.id, "error": error.message})
        track.error = error
