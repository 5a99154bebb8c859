"""Runs that this process carries out itself: begun, gone on with, and watched over to their end."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from rocketship.engine.hub import Hub
from rocketship.engine.planning import Planner
from rocketship.engine.recorder import Recorder
from rocketship.engine.sealed_spec import SealedSpecs
from rocketship.errors import Infrastructure, NotFound, RocketshipError, StoreError
from rocketship.run.events import Event, RunFinished, TestFinished
from rocketship.run.status import Status
from rocketship.runtime.ports import Health, Recovery, RunBackend, RunSource
from rocketship.store.base import (
    NewRun,
    RunRecord,
    RunStore,
    UnitCheckpoint,
    disowned,
    stored_events,
)

log = logging.getLogger(__name__)

#: How soon the end of a run is stored whose record the store did not take, and at most how often.
CONCLUDE_SECONDS = 1.0
MAX_CONCLUDE_SECONDS = 5.0


class LocalRuns:
    """Hands runs to the runtime of this process; the runtime's PlanSource, and the peers' Carrier.

    Args:
        together: Whether other processes go on with what this one lets go of.
    """

    def __init__(
        self,
        *,
        store: RunStore,
        hub: Hub,
        recorder: Recorder,
        specs: SealedSpecs,
        planner: Planner,
        together: bool,
    ) -> None:
        self._store = store
        self._hub = hub
        self._recorder = recorder
        self._specs = specs
        self._planner = planner
        self._together = together
        self._backend: RunBackend | None = None
        self._prepared: dict[str, RunSource] = {}
        self._launching: set[str] = set()
        self._stuck: dict[str, RocketshipError] = {}
        self._concluding: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()
        self._supervising: set[asyncio.Task[None]] = set()

    def use(self, backend: RunBackend) -> None:
        """Connect the runtime, which itself asks for its runs here."""
        self._backend = backend

    async def run_source(self, run_id: str) -> RunSource:
        return self._prepared.pop(run_id)

    async def launch(self, new: NewRun, source: RunSource) -> str:
        """Store a run and begin it; return its id, or that of the run its key stands for already.

        Raises:
            StoreError: The run cannot be stored.
        """
        run_id = new.record.id
        self._launching.add(run_id)
        try:
            stored_id = await self._store.create_run(new)
            if stored_id == run_id:
                self._prepared[run_id] = source
                self._recorder.begin(new.record, new.events)
                await self._begin(run_id)
        finally:
            self._launching.discard(run_id)
        return stored_id

    def has(self, run_id: str) -> bool:
        """Return whether a run is carried out here, or is just about to begin."""
        return run_id in self._launching or self._hub.carries(run_id)

    async def stop(self, run_id: str, *, reason: str, force: bool) -> None:
        """Cancel a run, if it is carried out here; end it, if it is stuck here.

        Raises:
            StoreError: The end of a run that is stuck cannot be stored.
        """
        if self._hub.carries(run_id):
            await self._runtime.cancel(run_id, reason=reason, force=force)
        elif error := self._stuck.get(run_id):
            await self._conclude(run_id, error)

    def is_stuck(self, run_id: str) -> bool:
        """Return whether a run is this process's own, and cannot be gone on with or recorded."""
        return run_id in self._stuck

    async def take_line(self, run_id: str, event: Event, receipt: UnitCheckpoint) -> None:
        """Store a line that another process was told, if the run is carried out here."""
        await self._recorder.take_line(run_id, event, receipt)

    async def evict(self) -> None:
        """Leave all runs to others."""
        await self._runtime.evict()

    async def recover(self, record: RunRecord, recovery: Recovery) -> None:
        """Go on with a run whose process was lost; the run must be this process's own by now.

        When that is impossible, whoever watches the run gets the error, and it stays as it is: one
        unreadable run must not keep others from their cleanup.
        """
        try:
            await self._go_on(record, recovery)
        except RocketshipError as error:
            known = self._stuck.get(record.id)
            if known is None or known.message != error.message:
                details = {"run_id": record.id, "error": error.message}
                log.warning("run_not_recovered", extra=details)
            self._stuck[record.id] = error
        else:
            self._stuck.pop(record.id, None)

    def check(self, run_id: str) -> None:
        """Raise the error that keeps this process from going on with a run, if there is one."""
        if error := self._stuck.get(run_id):
            raise error

    async def health(self) -> Health:
        """Return whether the runtime can take work now."""
        return await self._runtime.health()

    async def settle(self) -> None:
        """Wait until no run is being carried out any more, and leave those that are stuck."""
        while self._supervising:
            await asyncio.wait(self._supervising)
        for task in self._concluding:
            task.cancel()
        if self._concluding:
            await asyncio.wait(self._concluding)

    @property
    def _runtime(self) -> RunBackend:
        if self._backend is None:
            raise Infrastructure("the engine has no runtime yet")
        return self._backend

    async def _go_on(self, record: RunRecord, recovery: Recovery) -> None:
        spec, env = await self._specs.open(record.id)
        plan, files = await self._planner.plan_aside(spec, env, record.id)
        pages = stored_events(self._store, record.id)
        events = [item.event async for page in pages for item in page]
        told = frozenset(event.unit for event in events if isinstance(event, TestFinished))
        source = RunSource(plan, files, record.created_at, env, recovery, told)
        self._prepared[record.id] = source
        self._recorder.begin(record, events)
        await self._begin(record.id, recovered=True)

    async def _begin(self, run_id: str, *, recovered: bool = False) -> None:
        await self._runtime.start(run_id)
        work = self._supervise(run_id, recovered=recovered)
        task = asyncio.create_task(work, name=f"supervise-{run_id}")
        self._supervising.add(task)
        task.add_done_callback(self._supervising.discard)

    async def _supervise(self, run_id: str, *, recovered: bool) -> None:
        """Wait for a run's end and tell its watchers, whatever that end is."""
        try:
            await self._runtime.outcome(run_id)
        except NotFound:
            # Evicted: another process goes on with it, and peers can be followed there.
            self._recorder.end(run_id, disowned(run_id) if self._together else None)
        except StoreError as error:
            self._recorder.end(run_id, error)
            if not self._together:
                # Others go on with what this process lets go of; alone, nobody would.
                self._stuck[run_id] = error
                task = asyncio.create_task(self._conclude_later(run_id, error))
                self._concluding.add(task)
                task.add_done_callback(self._concluding.discard)
        except Exception as error:  # whatever it is, watchers must not wait for ever
            log.exception("run_failed_unexpectedly", extra={"run_id": run_id})
            await self._give_up(run_id, error, recovered=recovered)
        else:
            self._recorder.end(run_id)

    async def _conclude_later(self, run_id: str, error: StoreError) -> None:
        """End a run whose record is incomplete as soon as the store takes writes again.

        Its cleanup was done, as far as that could be; the store alone does not know of the end.
        """
        pause = CONCLUDE_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_CONCLUDE_SECONDS)
            with suppress(StoreError):
                await self._store.check()
                await self._conclude(run_id, error)
                return

    async def _conclude(self, run_id: str, error: RocketshipError) -> None:
        async with self._one_at_a_time:
            for record in await self._store.find(run_id):
                if record.status.finished:
                    continue
                pages = stored_events(self._store, run_id)
                events = [item async for page in pages for item in page]
                await self._recorder.conclude(record, events, error.message)
                log.warning("run_ended_by_engine", extra={"run_id": run_id, "error": error.message})
            self._stuck.pop(run_id, None)

    async def _give_up(self, run_id: str, error: Exception, *, recovered: bool) -> None:
        """End a run for its watchers after a fault of the engine.

        Somebody else may still clean up after it; but only once, or a fault that comes back would
        keep the run unfinished for ever.
        """
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        message = f"the engine failed: {type(error).__name__}: {error}"
        hint = "please report this; the next rocketship command finishes the cleanup"
        if recovered:
            hint = "please report this; its cleanup may be incomplete"
            self._recorder.emit(run_id, RunFinished(time.time(), Status.FAILED, 0.0, message))
            with suppress(StoreError):
                await self._recorder.flush(run_id)
        self._recorder.end(run_id, Infrastructure(message, hint=hint))
