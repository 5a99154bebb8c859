"""RunService: what can be done with runs, for every transport and for the CLI in this process."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from rocketship.engine.hub import Hub, Subscription
from rocketship.engine.planning import Planner
from rocketship.engine.recorder import Recorder
from rocketship.errors import Ambiguous, Infrastructure, NotFound, StoreError, UsageError
from rocketship.run.events import Recorded, RunFinished, RunStarted
from rocketship.run.ids import MIN_PREFIX, is_run_id_prefix, new_run_id
from rocketship.run.result import RunResult, fold
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.runtime.ports import Recovery, RunBackend, RunSource
from rocketship.store.base import NewRun, RunFilter, RunPage, RunRecord, RunStore
from rocketship.store.sealing import Sealer

log = logging.getLogger(__name__)

EVENT_PAGE = 1000
#: How often a run that another process carries out is looked at.
FOLLOW_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run's record, everything that happened in it so far, and the number of its last event."""

    record: RunRecord
    result: RunResult
    seq: int


class RunService:
    """The operations on runs.

    Args:
        owner: The name of this process, written on the runs it carries out.
    """

    def __init__(
        self,
        *,
        store: RunStore,
        hub: Hub,
        recorder: Recorder,
        sealer: Sealer,
        planner: Planner,
        owner: str,
    ) -> None:
        self._store = store
        self._hub = hub
        self._recorder = recorder
        self._sealer = sealer
        self._planner = planner
        self._owner = owner
        self._backend: RunBackend | None = None
        self._prepared: dict[str, RunSource] = {}
        self._supervisors: set[asyncio.Task[None]] = set()

    def use(self, backend: RunBackend) -> None:
        """Connect the runtime, which itself asks this service for its runs."""
        self._backend = backend

    async def create_run(
        self, spec: RunSpec, env: Mapping[str, str], *, idempotency_key: str = ""
    ) -> str:
        """Check a run, store it and start it; return its id without waiting for anything it does.

        Raises:
            InvalidSuite: The suite has problems; nothing is stored.
            UsageError: The selection matches no test, or cannot be read.
            StoreError: The run cannot be stored.
        """
        run_id = new_run_id()
        now = time.time()
        plan, files = self._planner.plan(spec, env, run_id)
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
            context=spec.context,
            owner=self._owner,
        )
        new = NewRun(record, spec, (started,), self._seal(env, run_id), idempotency_key)
        stored_id = await self._store.create_run(new)
        if stored_id == run_id:
            self._prepared[run_id] = RunSource(plan, files, now, dict(env))
            self._recorder.begin(record, (started,))
            await self._begin(run_id)
        return stored_id

    async def recover(self, record: RunRecord, recovery: Recovery) -> None:
        """Go on with a run whose process was lost; the run must be this process's own by now."""
        spec, sealed = await self._store.spec(record.id)
        env = json.loads(self._sealer.open(sealed, record.id)) if sealed else {}
        plan, files = self._planner.plan(spec, env, record.id)
        events = [item.event for item in await self._all_events(record.id)]
        self._prepared[record.id] = RunSource(plan, files, record.created_at, env, recovery)
        self._recorder.begin(record, events)
        await self._begin(record.id)

    async def run_source(self, run_id: str) -> RunSource:
        return self._prepared.pop(run_id)

    async def watch(self, run_id: str, after_seq: int = 0) -> AsyncIterator[Recorded]:
        """Yield a run's events after a sequence number, then follow it to its end.

        Raises:
            NotFound: There is no such run.
            RocketshipError: The run could not be carried out or recorded completely.
        """
        subscription = self._hub.subscribe(run_id)
        try:
            async for item in self._replay_and_follow(run_id, after_seq, subscription):
                yield item
                if isinstance(item.event, RunFinished) and subscription is None:
                    return
        finally:
            if subscription is not None:
                self._hub.unsubscribe(run_id, subscription)

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
        events = await self._all_events(record.id)
        result = fold(record.id, (item.event for item in events))
        return RunDetails(record, result, events[-1].seq if events else 0)

    async def list_runs(self, query: RunFilter) -> RunPage:
        """Return a page of runs."""
        return await self._store.list_runs(query)

    async def cancel_run(self, run_id: str, *, reason: str, force: bool = False) -> None:
        """Stop a run of this process; its cleanup runs unless `force` is set."""
        await self._runtime.cancel(run_id, reason=reason, force=force)

    async def delete_run(self, prefix: str) -> str:
        """Remove a run from history and return its id.

        Raises:
            UsageError: The run is still running. Otherwise as for `resolve`.
        """
        record = await self.resolve(prefix)
        if not record.status.finished:
            raise UsageError(f"run {record.id} is still running", hint="cancel it first")
        await self._store.delete_run(record.id)
        return record.id

    async def settle(self) -> None:
        """Wait until no run of this process is being carried out any more."""
        while self._supervisors:
            await asyncio.wait(self._supervisors)

    @property
    def _runtime(self) -> RunBackend:
        if self._backend is None:
            raise Infrastructure("the engine has no runtime yet")
        return self._backend

    async def _begin(self, run_id: str) -> None:
        await self._runtime.start(run_id)
        task = asyncio.create_task(self._supervise(run_id), name=f"supervise-{run_id}")
        self._supervisors.add(task)
        task.add_done_callback(self._supervisors.discard)

    async def _supervise(self, run_id: str) -> None:
        """Wait for a run's end and tell its watchers, whatever that end is."""
        try:
            await self._runtime.outcome(run_id)
        except NotFound:
            # Evicted: another process goes on with it.
            self._recorder.end(run_id)
        except StoreError as error:
            self._recorder.end(run_id, error)
        except Exception as error:
            log.exception("run_failed_unexpectedly", extra={"run_id": run_id})
            message = f"the engine failed: {type(error).__name__}: {error}"
            self._recorder.emit(run_id, RunFinished(time.time(), Status.FAILED, 0.0, message))
            self._recorder.end(run_id, Infrastructure(message, hint="please report this"))
        else:
            self._recorder.end(run_id)

    async def _replay_and_follow(
        self, run_id: str, after_seq: int, subscription: Subscription | None
    ) -> AsyncIterator[Recorded]:
        seq = after_seq
        while True:
            for item in await self._all_events(run_id, seq):
                seq = item.seq
                yield item
            if subscription is None:
                await self._wait_elsewhere(run_id)
                continue
            while events := await subscription.take():
                for item in events:
                    if item.seq > seq:
                        seq = item.seq
                        yield item
            if events is None:
                return

    async def _wait_elsewhere(self, run_id: str) -> None:
        """Pause before another look at a run that this process does not carry out."""
        if not await self._store.find(run_id):
            raise NotFound(f'there is no run "{run_id}"')
        await asyncio.sleep(FOLLOW_SECONDS)

    async def _all_events(self, run_id: str, after_seq: int = 0) -> list[Recorded]:
        events: list[Recorded] = []
        while page := await self._store.events(run_id, after_seq, EVENT_PAGE):
            events += page
            after_seq = page[-1].seq
            if len(page) < EVENT_PAGE:
                break
        return events

    def _seal(self, env: Mapping[str, str], run_id: str) -> bytes:
        if not env:
            return b""
        return self._sealer.seal(json.dumps(dict(env)).encode(), run_id)
