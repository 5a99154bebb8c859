"""RunService: what can be done with runs, for every transport and for the CLI in this process."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from rocketship.dataclass import dataclass
from rocketship.engine.dispatch import Dispatch
from rocketship.engine.follower import Follower
from rocketship.engine.hub import Hub
from rocketship.engine.peers.port import Peers
from rocketship.engine.planning import Planner
from rocketship.engine.recorder import Recorder
from rocketship.engine.reports import Intake
from rocketship.engine.sealed_spec import may_hold_secrets, open_spec, seal_spec
from rocketship.errors import (
    Ambiguous,
    Conflict,
    Infrastructure,
    NotFound,
    Overloaded,
    RocketshipError,
    StoreError,
    UsageError,
)
from rocketship.redaction import Redactor
from rocketship.run.events import LogEmitted, Recorded, RunFinished, RunStarted, TestFinished
from rocketship.run.ids import MIN_PREFIX, is_run_id_prefix, new_run_id
from rocketship.run.result import RunResult, Totals, fold
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.runtime.ports import Recovery, RunBackend, RunSource
from rocketship.store.base import NewRun, RunFilter, RunPage, RunRecord, RunStore, disowned
from rocketship.store.sealing import Sealer

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Beyond the last event of every run.
MAX_SEQ = 2**63 - 1
#: Runs that may go on at once; each keeps its plan in memory.
MAX_RUNS = 10_000
#: A run id nobody has, to ask the store for.
MAX_RUN_ID = "7" + "z" * 25
#: How long the store may take to be called healthy.
HEALTH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run's record, its result so far, the number of its last event, and the events."""

    record: RunRecord
    result: RunResult
    seq: int
    events: tuple[Recorded, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Whether a run is stopped, by this request or already, and what to tell about it."""

    stopped: bool
    message: str


class RunService:
    """The operations on runs.

    Args:
        peers: The other processes that use the store.
    """

    def __init__(
        self,
        *,
        store: RunStore,
        hub: Hub,
        recorder: Recorder,
        sealer: Sealer,
        planner: Planner,
        peers: Peers,
    ) -> None:
        self._store = store
        self._hub = hub
        self._recorder = recorder
        self._sealer = sealer
        self._planner = planner
        self._peers = peers
        self._backend: RunBackend | None = None
        self._dispatch: Dispatch | None = None
        self._prepared: dict[str, RunSource] = {}
        self._launching: set[str] = set()
        self._unrecovered: dict[str, RocketshipError] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._follower = Follower(store, hub, self._look_elsewhere)

    def use(self, backend: RunBackend, dispatch: Dispatch | None = None) -> None:
        """Connect the runtime, which itself asks this service for its runs.

        Args:
            backend: The runtime in this process; it at least ends what was begun with it.
            dispatch: What takes new runs instead, because workers carry them out.
        """
        self._backend = backend
        self._dispatch = dispatch

    async def create_run(
        self, spec: RunSpec, env: Mapping[str, str], *, idempotency_key: str = ""
    ) -> str:
        """Check a run, store it and start it; return its id without waiting for anything it does.

        Raises:
            InvalidSuite: The suite has problems; nothing is stored.
            UsageError: The selection matches no test, or cannot be read.
            Overloaded: Too many runs go on.
            StoreError: The run cannot be stored.
        """
        if len(self._hub.run_ids) >= MAX_RUNS:
            raise Overloaded(
                f"{MAX_RUNS} runs go on already", hint="try again when some have ended"
            )
        run_id = new_run_id()
        now = time.time()
        plan, files = await self._planner.plan_aside(spec, env, run_id)
        if not plan.tests:
            raise UsageError(f'no test of "{plan.suite}" matches the selection')
        infos = tuple(test.info for test in plan.tests)
        started = RunStarted(now, plan.suite, spec.file, infos, spec.context)
        record = RunRecord(
            id=run_id,
            suite=plan.suite,
            file=spec.file,
            status=Status.RUNNING,
            created_at=now,
            totals=Totals.of(Status.PENDING for _ in infos),
            context=spec.context,
            owner="" if self._dispatch else self._peers.name,
        )
        sealed = may_hold_secrets(spec, plan.plugins)
        kept = seal_spec(spec, self._sealer, run_id) if sealed else spec
        new = NewRun(record, kept, (started,), self._seal(env, run_id), idempotency_key)
        # Whoever asked may hang up at any moment: a run that is stored is also started.
        launch = self._launch(new, RunSource(plan, files, now, dict(env), context=spec.context))
        return await asyncio.shield(self._keep(launch, f"launch-{run_id}"))

    async def _launch(self, new: NewRun, source: RunSource) -> str:
        run_id = new.record.id
        self._launching.add(run_id)
        try:
            stored_id = await self._store.create_run(new)
            if stored_id == run_id and self._dispatch is not None:
                await self._dispatch.launch(run_id, source)
            elif stored_id == run_id:
                self._prepared[run_id] = source
                self._recorder.begin(new.record, new.events)
                await self._begin(run_id)
        finally:
            self._launching.discard(run_id)
        return stored_id

    def has(self, run_id: str) -> bool:
        """Return whether this process carries a run out, or is just about to begin."""
        return run_id in self._launching or self._hub.carries(run_id)

    async def stop(self, run_id: str, *, reason: str, force: bool) -> None:
        """Cancel a run, if this process carries it out."""
        if self._hub.carries(run_id):
            await self._runtime.cancel(run_id, reason=reason, force=force)

    async def evict(self) -> None:
        """Leave all runs of this process to others."""
        await self._runtime.evict()

    async def recover(self, record: RunRecord, recovery: Recovery) -> None:
        """Go on with a run whose process was lost; the run must be this process's own by now.

        When that is impossible, whoever watches the run gets the error, and it stays as it is: one
        unreadable run must not keep others from their cleanup.
        """
        try:
            await self._go_on(record, recovery)
        except RocketshipError as error:
            self._unrecovered[record.id] = error
        else:
            self._unrecovered.pop(record.id, None)

    async def _go_on(self, record: RunRecord, recovery: Recovery) -> None:
        kept, sealed = await self._store.spec(record.id)
        spec = open_spec(kept, self._sealer, record.id)
        env = self._unseal(sealed, record.id)
        plan, files = await self._planner.plan_aside(spec, env, record.id)
        events = [item.event for item in await self._stored_events(record.id)]
        told = frozenset(event.unit for event in events if isinstance(event, TestFinished))
        source = RunSource(plan, files, record.created_at, env, recovery, told)
        self._prepared[record.id] = source
        self._recorder.begin(record, events)
        await self._begin(record.id, recovered=True)

    async def run_source(self, run_id: str) -> RunSource:
        return self._prepared.pop(run_id)

    async def stored_source(self, run_id: str) -> RunSource:
        """Plan a stored run again.

        Raises:
            NotFound: There is no such run.
            RocketshipError: It cannot be planned or read any more.
        """
        spec, env, started_at = await self.job(run_id)
        plan, files = await self._planner.plan_aside(spec, env, run_id)
        return RunSource(plan, files, started_at, env, context=spec.context)

    async def job(self, run_id: str) -> tuple[RunSpec, dict[str, str], float]:
        """Return what a worker is to carry out: the run, its secrets, and when it began.

        Raises:
            NotFound: There is no such run.
            Conflict: It has ended.
        """
        record = await self.resolve(run_id)
        if record.status.finished:
            raise Conflict(f"run {record.id} has ended")
        kept, sealed = await self._store.spec(record.id)
        spec = open_spec(kept, self._sealer, record.id)
        return spec, self._unseal(sealed, record.id), record.created_at

    @property
    def runtime(self) -> str:
        """What new runs are carried out with: `embedded` or `temporal`."""
        return "embedded" if self._dispatch is None else "temporal"

    @property
    def intake(self) -> Intake:
        """Where workers report to.

        Raises:
            Conflict: This engine carries its runs out itself.
        """
        if self._dispatch is None:
            hint = "set ROCKETSHIP_BACKEND=temporal on the engine"
            raise Conflict("this engine has no use for workers", hint=hint)
        return self._dispatch.intake

    def follow(self, run_id: str, after_seq: int = 0) -> AsyncGenerator[list[Recorded]]:
        """Yield a run's events in batches; see `Follower.follow`."""
        return self._follower.follow(run_id, after_seq)

    async def watch(self, run_id: str, after_seq: int = 0) -> AsyncIterator[Recorded]:
        """Yield a run's events after a sequence number, then follow it to its end.

        Raises:
            NotFound: There is no such run.
            RocketshipError: The run could not be carried out or recorded completely.
        """
        async with aclosing(self._follower.follow(run_id, after_seq)) as batches:
            async for batch in batches:
                for item in batch:
                    yield item

    async def wait_ended(self, prefix: str = "") -> None:
        """Wait until a run, or every run of this process and its peers, has ended with its cleanup.

        Raises:
            RocketshipError: There is no such run; as for `resolve`.
        """
        run_ids = [(await self.resolve(prefix)).id] if prefix else await self._going_on()
        for run_id in run_ids:
            # However it ended, and even if its record is incomplete: it is over.
            with suppress(RocketshipError):
                async for _ in self._follower.follow(run_id, MAX_SEQ):
                    pass

    async def resolve(self, prefix: str) -> RunRecord:
        """Return the run an id, or the unique beginning of one, stands for.

        Raises:
            UsageError: The text is too short, or cannot be a run id.
            NotFound: No run has such an id.
            Ambiguous: Several have; the message lists them.
        """
        prefix = prefix.lower()
        if len(prefix) < MIN_PREFIX or not is_run_id_prefix(prefix):
            hint = (
                f"give at least {MIN_PREFIX} characters of a run id; `rocketship list` shows them"
            )
            raise UsageError(f'"{prefix}" is not a run id', hint=hint)
        found = await self._store.find(prefix)
        if not found:
            raise NotFound(f'there is no run "{prefix}"', hint="`rocketship list` shows all runs")
        if len(found) > 1:
            candidates = ", ".join(record.id for record in found)
            raise Ambiguous(f'"{prefix}" fits several runs: {candidates}', hint="give more of it")
        return found[0]

    async def get_run(self, prefix: str) -> RunDetails:
        """Return a run by its id or a unique beginning of it; errors as for `resolve`."""
        record = await self.resolve(prefix)
        events = await self._stored_events(record.id)
        result = fold(record.id, (item.event for item in events))
        if result.status.finished and not record.status.finished:
            # It ended while its events were read.
            record = await self.resolve(record.id)
        return RunDetails(record, result, events[-1].seq if events else 0, tuple(events))

    async def get_spec(self, prefix: str) -> RunSpec:
        """Return what was to be run, without the environment values.

        Raises:
            StoreError: It was sealed with another key. Otherwise as for `resolve`.
        """
        record = await self.resolve(prefix)
        kept, _ = await self._store.spec(record.id)
        return open_spec(kept, self._sealer, record.id)

    async def list_runs(self, query: RunFilter) -> RunPage:
        """Return a page of runs."""
        return await self._store.list_runs(query)

    async def cancel_run(self, prefix: str, *, reason: str, force: bool = False) -> Cancellation:
        """Stop a run of this process or of a peer; its cleanup runs unless `force` is set.

        Harmless for a run that has ended. Errors as for `resolve`.
        """
        if not self._hub.carries(prefix):
            record = await self.resolve(prefix)
            if record.status.finished:
                return Cancellation(True, f"run {record.id} has ended already: {record.status}")
            prefix = record.id
            if self._dispatch is not None and not record.owner:
                await self._dispatch.cancel(prefix, reason=reason, force=force)
                return _cancelling(prefix, force=force)
        asked = await self._peers.ask_to_cancel(prefix, reason=reason, force=force)
        if not (asked or self._hub.carries(prefix)):
            message = f"run {prefix} is carried out by another process; stop it there"
            return Cancellation(False, message)
        await self.stop(prefix, reason=reason, force=force)
        return _cancelling(prefix, force=force)

    async def add_log(self, run_id: str, message: str, level: str = "info") -> None:
        """Add a line to the log of a run of this process, on behalf of an external worker.

        Raises:
            NotFound: There is no such run.
            Conflict: The run does not go on in this process.
        """
        record = await self.resolve(run_id)
        _, sealed = await self._store.spec(record.id)
        message = Redactor(self._unseal(sealed, record.id).values()).text(message)
        line = LogEmitted(time.time(), "", 1, "", message, level, source="worker")
        if self._dispatch is not None and not record.owner:
            taken = await self._dispatch.intake.add(record.id, f"log/{new_run_id()}", line)
        else:
            taken = self._recorder.add(record.id, line)
        if not taken:
            raise Conflict(f"run {record.id} takes no log lines: it does not go on here")

    async def delete_run(self, prefix: str) -> str:
        """Remove a run from history and return its id.

        Raises:
            Conflict: The run is still running. Otherwise as for `resolve`.
        """
        record = await self.resolve(prefix)
        if not record.status.finished:
            raise Conflict(f"run {record.id} is still running", hint="cancel it first")
        await self._store.delete_run(record.id)
        return record.id

    async def health(self) -> dict[str, bool]:
        """Return whether each part this service depends on works."""
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await self._store.find(MAX_RUN_ID)
            store = True
        except (StoreError, TimeoutError):
            store = False
        runtime = self._dispatch or self._runtime
        return {"store": store, "runtime": (await runtime.health()).ok}

    async def settle(self) -> None:
        """Wait until no run of this process is being carried out any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def _runtime(self) -> RunBackend:
        if self._backend is None:
            raise Infrastructure("the engine has no runtime yet")
        return self._backend

    async def _begin(self, run_id: str, *, recovered: bool = False) -> None:
        await self._runtime.start(run_id)
        self._keep(self._supervise(run_id, recovered=recovered), f"supervise-{run_id}")

    def _keep(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Carry some work out to its end, whoever waits for it."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _supervise(self, run_id: str, *, recovered: bool) -> None:
        """Wait for a run's end and tell its watchers, whatever that end is."""
        try:
            await self._runtime.outcome(run_id)
        except NotFound:
            # Evicted: another process goes on with it, and peers can be followed there.
            self._recorder.end(run_id, disowned(run_id) if self._peers.together else None)
        except StoreError as error:
            self._recorder.end(run_id, error)
        except Exception as error:  # whatever it is, watchers must not wait for ever
            log.exception("run_failed_unexpectedly", extra={"run_id": run_id})
            await self._give_up(run_id, error, recovered=recovered)
        else:
            self._recorder.end(run_id)

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

    async def _look_elsewhere(self, run_id: str) -> None:
        """Do what can be done for a run that another process carries out."""
        await self._peers.look()
        if error := self._unrecovered.get(run_id):
            raise error

    async def _going_on(self) -> list[str]:
        if not (self._peers.together or self._dispatch):
            return self._hub.run_ids
        return [record.id for record in await self._store.unfinished()]

    async def _stored_events(self, run_id: str) -> list[Recorded]:
        return [item async for page in self._follower.stored(run_id) for item in page]

    def _seal(self, env: Mapping[str, str], run_id: str) -> bytes:
        if not env:
            return b""
        return self._sealer.seal(json.dumps(dict(env)).encode(), run_id)

    def _unseal(self, sealed: bytes, run_id: str) -> dict[str, str]:
        env: dict[str, str] = json.loads(self._sealer.open(sealed, run_id)) if sealed else {}
        return env


def _cancelling(run_id: str, *, force: bool) -> Cancellation:
    doing = "without cleanup" if force else "its cleanup still runs"
    return Cancellation(True, f"run {run_id} is being cancelled; {doing}")
