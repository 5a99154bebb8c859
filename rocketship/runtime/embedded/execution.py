"""One run in this process: the operations orchestration asks for, on asyncio tasks."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace

from rocketship.errors import Disowned, StoreError
from rocketship.interpreter.context import Plugins, UnitJob
from rocketship.interpreter.host import Interrupt, InterruptToken, UnitKind, UnitRef, UnitState
from rocketship.interpreter.unit import UnitOutcome, run_unit
from rocketship.redaction import Redactor
from rocketship.run.events import RunFinished, TestFinished
from rocketship.run.status import Status
from rocketship.run.stopwatch import Stopwatch
from rocketship.runtime.embedded.host import EmbeddedHost
from rocketship.runtime.orchestrate import RunShape, RunVerdict, orchestrate
from rocketship.runtime.ports import EventSink, Journal, Recovery, RunOutcome, RunSource
from rocketship.values import JsonObject, format_duration

#: Where the journal keeps, beside the checkpoints of units, that the run was cancelled.
CANCELLATION = "cancelled"


class Execution:
    """A run being carried out.

    Args:
        slots: Limits the tests of all runs in this process.
        max_parallel: The same limit as a number: how far a single run may fan out.
    """

    def __init__(
        self,
        run_id: str,
        source: RunSource,
        *,
        journal: Journal,
        sink: EventSink,
        plugins: Plugins,
        slots: asyncio.Semaphore,
        max_parallel: int,
    ) -> None:
        self._run_id = run_id
        self._source = source
        self._watch = Stopwatch(source.started_at)
        self._journal = journal
        self._sink = sink
        self._plugins = plugins
        self._slots = slots
        self._max_parallel = max_parallel
        self._token = InterruptToken()
        self._cancel_reason = ""
        self._failure: StoreError | None = None
        self._redactor = Redactor(source.env.values())
        self._globals = UnitOutcome(Status.PASSED)

    async def run(self) -> RunOutcome | None:
        """Carry the run out; None means it was evicted and goes on elsewhere.

        Raises:
            StoreError: The run's record is incomplete; cleanup was still tried.
        """
        if self._source.recovery is not None:
            await self._remember_cancellation()
        verdict = await orchestrate(self._shape(), self)
        if not verdict.evicted:
            self._emit_finished(verdict)
        try:
            await self._sink.flush(self._run_id)
        except StoreError as error:
            self._failure = self._failure or error
        if self._failure is not None:
            raise self._failure
        return None if verdict.evicted else RunOutcome(verdict.status, verdict.message)

    def interrupt(self, reason: Interrupt) -> None:
        """Stop the run; see `Interrupt` for what follows."""
        self._token.set(reason)

    async def cancel(self, why: str, *, force: bool) -> None:
        """Cancel the run, and let whoever goes on with it after this process know."""
        self._cancel_reason = self._cancel_reason or why
        self._token.set(Interrupt.CANCEL, force=force)
        # A run whose record cannot be written ends by that itself.
        with suppress(StoreError):
            await self._journal.save_unit(
                self._run_id, CANCELLATION, 1, {"why": self._cancel_reason}, sensitive=False
            )

    async def _remember_cancellation(self) -> None:
        if found := await self._journal.load_unit(self._run_id, CANCELLATION):
            self._cancel_reason = str(found[1]["why"])
            self._token.set(Interrupt.CANCEL)

    # What orchestration asks for

    async def init(self) -> UnitOutcome:
        self._globals = await self._unit(UnitKind.INIT)
        return self._globals

    async def test(self, index: int) -> UnitOutcome:
        async with self._slots:
            return await self._unit(UnitKind.TEST, index)

    async def cleanup(self, *, failed: bool) -> UnitOutcome:
        return await self._unit(UnitKind.CLEANUP, failed=failed)

    def leave_out(self, index: int, status: Status, message: str) -> None:
        test = self._source.plan.tests[index]
        unit = UnitRef(self._run_id, UnitKind.TEST, index).key
        if unit in self._source.told:
            return
        self._sink.emit(
            self._run_id,
            TestFinished(
                at=time.time(),
                unit=unit,
                attempt=1,
                name=test.info.name,
                status=status,
                duration_seconds=0.0,
                message=message,
            ),
        )

    def deadline(self) -> None:
        self._token.set(Interrupt.DEADLINE)

    @property
    def stopped(self) -> Status | None:
        reason = self._token.reason
        if reason is Interrupt.CANCEL:
            return Status.FAILED if self._failure else Status.CANCELLED
        return Status.TIMEOUT if reason is Interrupt.DEADLINE else None

    # How it is done

    def _shape(self) -> RunShape:
        plan = self._source.plan
        remaining = None
        if plan.timeout_seconds is not None:
            remaining = plan.timeout_seconds - self._watch.seconds
        return RunShape(
            skips=tuple(test.skip for test in plan.tests),
            has_init=plan.init is not None,
            has_cleanup=plan.cleanup is not None,
            concurrency=min(plan.concurrency or self._max_parallel, self._max_parallel),
            fail_fast=plan.fail_fast,
            remaining_seconds=remaining,
        )

    async def _unit(self, kind: UnitKind, index: int = 0, *, failed: bool = False) -> UnitOutcome:
        recovery = self._source.recovery
        only_cleanup = recovery is Recovery.CLEANUP and kind is not UnitKind.CLEANUP
        ref = UnitRef(self._run_id, kind, index, only_cleanup=only_cleanup)
        earlier: UnitState | None = None
        if recovery is not None and (found := await self._load(ref)):
            ref = replace(ref, attempt=found[0] + 1)
            earlier = UnitState.decode(found[1])
        host = EmbeddedHost(
            ref,
            self._token,
            self._journal,
            self._sink,
            earlier=earlier,
            sensitive=self._redactor.active,
            broken=self._broken,
        )
        return await run_unit(self._job(ref, failed=failed), host)

    async def _load(self, ref: UnitRef) -> tuple[int, JsonObject] | None:
        return await self._journal.load_unit(self._run_id, ref.key)

    def _job(self, ref: UnitRef, *, failed: bool) -> UnitJob:
        plan = self._source.plan
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._source.started_at))
        return UnitJob(
            plan=plan,
            ref=ref,
            plugins=self._plugins,
            files=self._source.files,
            redactor=self._redactor,
            env=self._source.env,
            saved=self._globals.saved,
            secret_names=self._globals.secret_names,
            failed=failed,
            run={"id": self._run_id, "suite": plan.suite, "started_at": started},
        )

    def _broken(self, error: StoreError) -> None:
        """The journal failed: stop the run, clean up in memory, and say so at the end.

        Unless another process has taken the run over; its cleanup is for that one to do.
        """
        if isinstance(error, Disowned):
            self._token.set(Interrupt.EVICT)
        elif self._failure is None:
            self._failure = error
            self._token.set(Interrupt.CANCEL)

    def _emit_finished(self, verdict: RunVerdict) -> None:
        message = verdict.message
        if self._failure is not None:
            message = self._failure.message
        elif verdict.status is Status.CANCELLED:
            message = self._cancel_reason or message
        elif self.stopped is verdict.status is Status.TIMEOUT:
            limit = format_duration(self._source.plan.timeout_seconds or 0)
            message = message or f"the run took longer than its timeout of {limit}"
        self._sink.emit(
            self._run_id,
            RunFinished(time.time(), verdict.status, self._watch.seconds, message),
        )
