"""RunService: what can be done with runs, for every transport and for the CLI in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress

from rocketship.dataclass import dataclass
from rocketship.engine.dispatch import Dispatch
from rocketship.engine.follower import Follower
from rocketship.engine.hub import Hub
from rocketship.engine.local_runs import LocalRuns
from rocketship.engine.peers.port import Peers
from rocketship.engine.planning import Planner
from rocketship.engine.recorder import Recorder
from rocketship.engine.reports import Intake
from rocketship.engine.sealed_spec import SealedSpecs
from rocketship.errors import (
    Ambiguous,
    Conflict,
    NotFound,
    Overloaded,
    RocketshipError,
    StoreError,
    UsageError,
)
from rocketship.redaction import Redactor
from rocketship.run.events import LogEmitted, Recorded, RunStarted
from rocketship.run.fold import fold
from rocketship.run.ids import MIN_PREFIX, is_run_id_prefix, new_run_id
from rocketship.run.result import RunResult, Totals
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.runtime.ports import RunSource
from rocketship.store.base import NewRun, RunFilter, RunPage, RunRecord, RunStore, stored_events

#: Beyond the last event of every run.
MAX_SEQ = 2**63 - 1
#: Runs that may go on at once, here and on workers; each keeps its plan in memory.
MAX_RUNS = 10_000
#: Every list shows it.
MAX_SUITE_NAME = 1000
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
        specs: SealedSpecs,
        planner: Planner,
        local: LocalRuns,
        peers: Peers,
    ) -> None:
        self._store = store
        self._hub = hub
        self._recorder = recorder
        self._specs = specs
        self._planner = planner
        self._local = local
        self._peers = peers
        self._dispatch: Dispatch | None = None
        self._launching: set[asyncio.Task[str]] = set()
        self._follower = Follower(store, hub, self._look_elsewhere)

    def hand_to(self, dispatch: Dispatch) -> None:
        """Have new runs carried out by workers; this process at least ends what it began itself."""
        self._dispatch = dispatch

    async def create_run(
        self, spec: RunSpec, env: Mapping[str, str], *, idempotency_key: str = ""
    ) -> str:
        """Check a run, store it and start it; return its id without waiting for anything it does.

        Raises:
            InvalidSuite: The suite has problems; nothing is stored.
            UsageError: The selection matches no test, or cannot be read; or the name is too long.
            Overloaded: Too many runs go on.
            StoreError: The run cannot be stored.
        """
        if self.running >= MAX_RUNS:
            raise Overloaded(
                f"{MAX_RUNS} runs go on already", hint="try again when some have ended"
            )
        run_id = new_run_id()
        now = time.time()
        plan, files = await self._planner.plan_aside(spec, env, run_id)
        if not plan.tests:
            raise UsageError(f'no test of "{plan.suite}" matches the selection')
        if len(plan.suite) > MAX_SUITE_NAME:
            size = f"the name of the suite has {len(plan.suite):,} characters"
            raise UsageError(f"{size}: the limit is {MAX_SUITE_NAME:,}")
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
        kept, sealed_env = self._specs.seal(spec, env, plan.plugins, run_id)
        new = NewRun(record, kept, (started,), sealed_env, idempotency_key)
        source = RunSource(plan, files, now, dict(env), context=spec.context)
        return await self._launch(new, source)

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
        spec, env = await self._specs.open(record.id)
        return spec, env, record.created_at

    @property
    def running(self) -> int:
        """How many runs go on: those of this process, and those of all workers."""
        return len(self._hub.run_ids) + (self._dispatch.running if self._dispatch else 0)

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
        events = [item async for page in self.events(record.id) for item in page]
        # Beside the event loop, which a run of many steps would hold for a second.
        result = await asyncio.to_thread(fold, record.id, [item.event for item in events])
        if result.status.finished and not record.status.finished:
            # It ended while its events were read.
            record = await self.resolve(record.id)
        return RunDetails(record, result, events[-1].seq if events else 0, tuple(events))

    def events(self, run_id: str) -> AsyncGenerator[list[Recorded]]:
        """Yield the events of a run, page by page, as far as they are stored.

        Raises:
            StoreError: They cannot be read.
        """
        return stored_events(self._store, run_id)

    async def get_spec(self, prefix: str) -> RunSpec:
        """Return what was to be run, without the environment values.

        Raises:
            StoreError: It was sealed with another key. Otherwise as for `resolve`.
        """
        record = await self.resolve(prefix)
        return await self._specs.spec(record.id)

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
                news = await self._dispatch.cancel(prefix, reason=reason, force=force)
                return _cancelling(prefix, force=force, news=news)
        asked = await self._peers.ask_to_cancel(prefix, reason=reason, force=force)
        if self._local.is_stuck(prefix):
            await self._local.stop(prefix, reason=reason, force=force)
            message = f"run {prefix} could not be gone on with, and has ended as FAILED"
            return Cancellation(True, message)
        if not (asked or self._hub.carries(prefix)):
            message = f"run {prefix} is carried out by another process; stop it there"
            return Cancellation(False, message)
        await self._local.stop(prefix, reason=reason, force=force)
        return _cancelling(prefix, force=force)

    async def add_log(self, run_id: str, message: str, level: str = "info") -> None:
        """Add a line to the log of a run of this process or a peer, for an external worker.

        Raises:
            NotFound: There is no such run.
            Conflict: The run has ended, or is carried out by a process that cannot be told.
        """
        record = await self.resolve(run_id)
        env = await self._specs.env(record.id)
        message = Redactor(env.values()).text(message)
        line = LogEmitted(time.time(), "", 1, "", message, level, source="worker")
        if self._dispatch is not None and not record.owner:
            taken = await self._dispatch.intake.add(record.id, f"log/{new_run_id()}", line)
        else:
            taken = self._recorder.add(record.id, line) or (
                bool(record.owner) and await self._peers.hand_on(record.id, line)
            )
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
                await self._store.check()
            store = True
        except (StoreError, TimeoutError):
            store = False
        runtime = self._dispatch or self._local
        return {"store": store, "runtime": (await runtime.health()).ok}

    async def settle(self) -> None:
        """Wait until every run that was asked for has begun, and none is carried out any more."""
        while self._launching:
            await asyncio.wait(self._launching)
        await self._local.settle()

    async def _launch(self, new: NewRun, source: RunSource) -> str:
        """Begin a run; whoever asked may hang up at any moment, a run that is stored is begun."""
        launching = (self._dispatch or self._local).launch(new, source)
        task = asyncio.create_task(launching, name=f"launch-{new.record.id}")
        self._launching.add(task)
        task.add_done_callback(self._launching.discard)
        return await asyncio.shield(task)

    async def _look_elsewhere(self, run_id: str) -> None:
        """Do what can be done for a run that another process carries out."""
        await self._peers.look()
        self._local.check(run_id)

    async def _going_on(self) -> list[str]:
        if not (self._peers.together or self._dispatch):
            return self._hub.run_ids
        return [record.id for record in await self._store.unfinished()]


def _cancelling(run_id: str, *, force: bool, news: str = "") -> Cancellation:
    doing = news or ("without cleanup" if force else "its cleanup still runs")
    return Cancellation(True, f"run {run_id} is being cancelled; {doing}")
