"""Runs that workers carry out: handed to the runtime, watched over, and never left without an end.

Such runs belong to no engine, so any of them can start, stop and answer for any run. An end that a
worker has told is the end. One that nobody can tell any more is told by an engine, and the store
takes it from one only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from rocketship.engine.reports import Intake
from rocketship.errors import Infrastructure, RocketshipError, StoreError
from rocketship.run.events import LogEmitted, RunFinished
from rocketship.run.status import Status
from rocketship.runtime.last_words import nothing_begun
from rocketship.runtime.ports import Health, RunBackend, RunOutcome, RunSource
from rocketship.store.base import NewRun, RunRecord, RunStore

log = logging.getLogger(__name__)

PATROL_SECONDS = 2.0
#: Younger runs are still being started, or not yet in the runtime's index.
SETTLED_SECONDS = 2.0
#: An end that was told is stored by then.
TOLD_SECONDS = 2.0
_KEY = "key"
_DEADLINE = "deadline"
_NOBODY = (
    "no worker answers; what has begun of it is cleaned up as soon as there is one"
    " (start one with `rocketship worker`, or leave cleanup out with `rocketship cancel --force`)"
)
_NO_CLEANUP = "no worker was there to clean up"
_STRANGER = (
    "a worker is there, but with another encryption key than the engine; the run waits for one that"
    " has the same ROCKETSHIP_ENCRYPTION_KEY"
)
_LOST = "the runtime does not know the run any more; its cleanup may be incomplete"


class Execution(Protocol):
    """A run as its runtime knows it; `end` is None while it goes on."""

    @property
    def end(self) -> RunOutcome | None: ...


class Waiting(Protocol):
    """A run that goes on: the queues its units wait in, and when its time is up, if ever."""

    @property
    def run_id(self) -> str: ...
    @property
    def queues(self) -> list[str]: ...
    @property
    def deadline(self) -> float | None: ...


class DistributedBackend(RunBackend, Protocol):
    """A runtime whose workers are elsewhere, and that many engines share."""

    async def execution(self, run_id: str) -> Execution | None:
        """Return what is known of a run, or None when nothing is."""
        ...

    def waiting(self) -> AsyncIterator[Waiting]:
        """Yield the runs that go on."""
        ...

    async def expire(self, run_id: str) -> None:
        """Stop a run whose time is up."""
        ...

    async def untouched(self, run_id: str) -> bool:
        """Return whether no worker has taken a run up; one that is to stop is not begun later."""
        ...

    async def heeded(self, run_id: str) -> bool:
        """Return whether a worker has taken notice that a run is to stop."""
        ...

    async def abandon(self, run_id: str) -> None:
        """End a run where it is, without cleanup."""
        ...

    async def manned(self, queue: str, now: float) -> bool:
        """Return whether there is a worker for a queue."""
        ...

    def labels(self, queue: str) -> list[str]:
        """Return the labels a worker must have for a queue."""
        ...


class Dispatch:
    """Hands runs to a distributed runtime; the runtime's PlanSource.

    Args:
        plan: Makes the source of a stored run.
    """

    def __init__(
        self,
        store: RunStore,
        intake: Intake,
        plan: Callable[[str], Awaitable[RunSource]],
    ) -> None:
        self.intake = intake
        self._store = store
        self._plan = plan
        self._backend: DistributedBackend
        self._prepared: dict[str, RunSource] = {}
        self._going_on: set[str] = set()
        self._told: set[tuple[str, str]] = set()
        self._ended: dict[str, float] = {}

    def use(self, backend: DistributedBackend) -> None:
        """Connect the runtime, which itself asks for its runs here."""
        self._backend = backend

    @property
    def running(self) -> int:
        """How many runs workers carry out, whichever engine took them; at most a patrol old."""
        return len(self._going_on)

    async def run_source(self, run_id: str) -> RunSource:
        return self._prepared.pop(run_id, None) or await self._plan(run_id)

    async def launch(self, new: NewRun, source: RunSource) -> str:
        """Store a run and start it; return its id, or that of the run its key stands for already.

        If it cannot be started now, it is started on patrol.

        Raises:
            StoreError: The run cannot be stored.
        """
        run_id = new.record.id
        stored_id = await self._store.create_run(new)
        if stored_id == run_id:
            self._going_on.add(run_id)
            self._prepared[run_id] = source
            try:
                await self._backend.start(run_id)
            except Infrastructure as error:
                message = f"{error.message}; the run begins as soon as it can"
                await self._warn(run_id, "start", message)
            finally:
                self._prepared.pop(run_id, None)
        return stored_id

    async def cancel(self, run_id: str, *, reason: str, force: bool) -> str:
        """Stop a run; return what is out of the ordinary about it, or an empty text.

        What has begun is owed its cleanup, for which there must be a worker. What has not begun
        ends at once, and so does what is to have no cleanup.

        Raises:
            Infrastructure: The runtime is away.
        """
        for record in await self._store.find(run_id):
            if await self._backend.execution(run_id) is None and await self._waits(record):
                # It could not be started yet. A patrol would, and knows of no cancellation.
                await self._backend.start(run_id)
        await self._backend.cancel(run_id, reason=reason, force=force)
        if await self._backend.untouched(run_id):
            await self._end_unbegun(run_id, Status.CANCELLED, reason)
            return "it had not begun"
        if await self._backend.heeded(run_id):
            return ""
        if force:
            await self._backend.abandon(run_id)
            message = "; ".join(part for part in (reason, _NO_CLEANUP) if part)
            for record in await self._store.find(run_id):
                await self._tell(record, RunOutcome(Status.CANCELLED, message))
            return _NO_CLEANUP
        await self._warn(run_id, "stop", f"the run is cancelled, but {_NOBODY}")
        return _NOBODY

    async def health(self) -> Health:
        """Return whether the runtime can take work now."""
        return await self._backend.health()

    async def patrol(self) -> None:
        """Look after all runs for ever; what goes wrong this time may go well the next."""
        while True:
            try:
                await self._look()
            except (Infrastructure, StoreError) as error:
                log.warning("patrol_failed", extra={"error": error.message})
            except Exception:  # one run's fault must not leave all others without an engine
                log.exception("patrol_failed_unexpectedly")
            await asyncio.sleep(PATROL_SECONDS)

    async def _look(self) -> None:
        now = time.time()
        ours = [record for record in await self._store.unfinished() if not record.owner]
        self._going_on = {record.id for record in ours}
        if not ours:
            self._told.clear()
            self._ended.clear()
            return
        going_on = {found.run_id: found async for found in self._backend.waiting()}
        for record in ours:
            if record.id in going_on:
                continue
            if now - record.created_at > SETTLED_SECONDS:
                await self._settle(record)
        for run_id in self._going_on & going_on.keys():
            deadline = going_on[run_id].deadline
            if deadline is not None and now > deadline and (run_id, _DEADLINE) not in self._told:
                await self._expire(run_id)
                self._told.add((run_id, _DEADLINE))
        queues = {run_id: found.queues for run_id, found in going_on.items()}
        await self._call_for_workers(self._going_on, queues, now)

    async def _expire(self, run_id: str) -> None:
        """Stop a run whose time is up; without a worker nobody else does."""
        await self._backend.expire(run_id)
        if await self._backend.untouched(run_id):
            await self._end_unbegun(run_id, Status.TIMEOUT)
        elif not await self._backend.heeded(run_id):
            await self._warn(run_id, "stop", f"the run has reached its deadline, but {_NOBODY}")

    async def _end_unbegun(self, run_id: str, status: Status, reason: str = "") -> None:
        """End a run of which nothing has begun; there is nothing to clean up."""
        source = await self._plan(run_id)
        await self._backend.abandon(run_id)
        if await self.intake.end(run_id, nothing_begun(run_id, source, status, reason=reason)):
            log.info("run_ended_before_it_began", extra={"run_id": run_id})

    async def _settle(self, record: RunRecord) -> None:
        """Start a run that was never started, or tell the end of one that was lost."""
        found = await self._backend.execution(record.id)
        if found is None:
            if len(await self._store.events(record.id, 0, 2)) > 1 and not await self._waits(record):
                await self._tell(record, RunOutcome(Status.FAILED, _LOST))
                return
            try:
                await self._backend.start(record.id)
            except Infrastructure:
                raise
            except RocketshipError as error:
                await self._tell(record, RunOutcome(Status.FAILED, error.message))
        elif found.end is not None:
            # Its last words may be on their way.
            since = self._ended.setdefault(record.id, time.monotonic())
            if time.monotonic() - since > TOLD_SECONDS:
                await self._tell(record, found.end)

    async def _waits(self, record: RunRecord) -> bool:
        """Return whether nothing of a run has happened but our own warnings."""
        events = await self._store.events(record.id, 1, 100)
        return all(isinstance(item.event, LogEmitted) and not item.event.unit for item in events)

    async def _tell(self, record: RunRecord, outcome: RunOutcome) -> None:
        now = time.time()
        end = RunFinished(now, outcome.status, max(0.0, now - record.created_at), outcome.message)
        if await self.intake.add(record.id, "end", end):
            log.warning("run_ended_by_engine", extra={"run_id": record.id})

    async def _call_for_workers(
        self, ours: set[str], going_on: dict[str, list[str]], now: float
    ) -> None:
        """Say so in runs that wait for workers there are none of."""
        wanted = {queue for run_id in ours for queue in going_on.get(run_id, ())}
        manned = {queue: await self._backend.manned(queue, now) for queue in wanted}
        for run_id in ours & going_on.keys():
            for queue in going_on[run_id]:
                if manned[queue] or (run_id, queue) in self._told:
                    continue
                self._told.add((run_id, queue))
                await self._warn(run_id, f"queue/{queue}", _missing(self._backend.labels(queue)))
            stranded = not all(manned[queue] for queue in going_on[run_id])
            if stranded and self.intake.keys.strangers and (run_id, _KEY) not in self._told:
                self._told.add((run_id, _KEY))
                await self._warn(run_id, _KEY, _STRANGER)

    async def _warn(self, run_id: str, key: str, message: str) -> None:
        line = LogEmitted(time.time(), "", 1, "", message, "warn", source="engine")
        try:
            await self.intake.add(run_id, f"engine/{key}", line)
        except StoreError as error:
            log.warning("warning_not_stored", extra={"run_id": run_id, "error": error.message})


def _missing(labels: list[str]) -> str:
    if not labels:
        return "no worker is connected; the run waits for one (start one with `rocketship worker`)"
    words = ", ".join(labels)
    noun = "label" if len(labels) == 1 else "labels"
    return f"no worker has the {noun} {words}; what runs on it waits for one that has"
