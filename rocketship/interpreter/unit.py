"""Walks one unit: init, steps, then on_failure and always, from wherever an earlier holder left it.

What is promised, and tested by killing processes: once init or steps have begun, cleanup `always`
is started at least once; finished steps are never repeated; a step that may have run and must not
run twice fails the unit instead; EVICT leaves the checkpoint for another holder and runs no
cleanup.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import field

from rocketship.dataclass import dataclass
from rocketship.errors import StepError
from rocketship.interpreter.context import UnitContext, UnitJob
from rocketship.interpreter.host import Interrupt, UnitHost, UnitKind, UnitState
from rocketship.interpreter.plan import PlannedStep, PlannedUnit
from rocketship.interpreter.step import StepRunner
from rocketship.run.events import TestFinished, TestStarted
from rocketship.run.status import Status
from rocketship.run.stopwatch import Stopwatch
from rocketship.values import Json, format_duration, to_text

MAIN_PHASES = ("init", "steps")
CLEANUP_ORDER = ("on_failure", "always")
_STOPPED = {
    Interrupt.CANCEL: (Status.CANCELLED, "the run was cancelled"),
    Interrupt.DEADLINE: (Status.TIMEOUT, "the run reached its deadline"),
}


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """How a unit ended; `evicted` means it did not, and another holder must go on.

    `saved` and `secret_names` are what suite init hands to the tests and to suite cleanup.
    """

    status: Status
    message: str = ""
    saved: dict[str, Json] = field(default_factory=dict)
    secret_names: tuple[str, ...] = ()
    cleanup_failures: int = 0
    evicted: bool = False


async def run_unit(job: UnitJob, host: UnitHost) -> UnitOutcome:
    """Carry out one unit and report its outcome; never raises for anything a suite can cause."""
    walker = _Walker(job, host, _planned(job))
    return await walker.run()


def _planned(job: UnitJob) -> PlannedUnit:
    kind = job.ref.kind
    unit = {
        UnitKind.INIT: job.plan.init,
        UnitKind.CLEANUP: job.plan.cleanup,
    }.get(kind)
    return unit or job.plan.tests[job.ref.index].unit


class _Evicted(Exception):
    """Leaves the walk at once, without cleanup."""


class _Walker:
    def __init__(self, job: UnitJob, host: UnitHost, unit: PlannedUnit) -> None:
        self._job = job
        self._host = host
        self._unit = unit
        self._context = UnitContext(job, host, UnitState(), unit.name)
        self._current: StepRunner | None = None
        self._watch = Stopwatch(time.time())

    async def run(self) -> UnitOutcome:
        earlier = await self._host.load()
        state = earlier or self._fresh_state()
        self._context.state = state
        self._watch = Stopwatch(state.started_at)
        self._know_secrets()
        if state.phase == "done":
            return self._outcome()
        if earlier is None and (why_not := self._why_not_begin()):
            return await self._not_begun(*why_not)
        self._emit_started()
        try:
            if earlier is None:
                # Without this a holder lost in the first step would leave no trace, and no cleanup.
                await self._host.save(state, ack=True)
            else:
                await self._settle_lost_step()
            await self._main_part()
            await self._cleanup_part()
        except _Evicted:
            return self._outcome(evicted=True)
        return await self._close()

    # The beginning

    def _fresh_state(self) -> UnitState:
        job = self._job
        first = "on_failure" if job.ref.kind is UnitKind.CLEANUP else "init"
        status = Status.FAILED if job.failed else Status.PASSED
        return UnitState(
            phase=first,
            status=status,
            saved=dict(job.saved),
            secret_names=list(job.secret_names),
            started_at=time.time(),
        )

    def _know_secrets(self) -> None:
        state, redactor = self._context.state, self._job.redactor
        for secret in state.secrets:
            redactor.add(secret)
        for name in state.secret_names:
            redactor.add(to_text(state.saved.get(name)))

    def _why_not_begin(self) -> tuple[Status, str] | None:
        ref, reason = self._job.ref, self._host.interrupt.reason
        if ref.kind is UnitKind.CLEANUP:
            forced = self._host.interrupt.force
            return (Status.SKIPPED, "the run was cancelled by force") if forced else None
        if ref.only_cleanup:
            return Status.FAILED, "the process that was to run it was lost"
        if reason in _STOPPED:
            return _STOPPED[reason]
        return None

    async def _not_begun(self, status: Status, why: str) -> UnitOutcome:
        """End a unit that never began and so has nothing to clean up."""
        state = self._context.state
        state.status, state.message = status, f"not run: {why}"
        self._emit_finished()
        self._enter("done")
        # So that the next holder, if there is one, does not tell it again.
        await self._host.save(state)
        return self._outcome()

    async def _settle_lost_step(self) -> None:
        """Decide what becomes of the step an earlier holder was lost in."""
        state = self._context.state
        if state.phase in MAIN_PHASES:
            steps = self._unit.phases.get(state.phase, ())
            only_cleanup = self._job.ref.only_cleanup
            reason = self._host.interrupt.reason
            stopped = _STOPPED.get(reason) if reason else None
            if state.in_flight and state.done < len(steps):
                self._tell_lost(steps[state.done], stopped)
            if stopped:
                state.status, state.message = stopped
            elif state.in_flight or only_cleanup:
                self._fail("interrupted: the process that ran it was lost")
            if stopped or state.in_flight or only_cleanup:
                self._enter("on_failure")
        # A cleanup step in doubt is run again: cleanup is started at least once.
        state.in_flight = False
        await self._host.save(state, ack=True)

    def _tell_lost(self, planned: PlannedStep, stopped: tuple[Status, str] | None) -> None:
        runner = StepRunner(self._context, planned)
        if stopped:
            runner.left_out(*stopped)
        else:
            runner.lost()

    # Init and steps

    async def _main_part(self) -> None:
        state = self._context.state
        if state.phase not in MAIN_PHASES:
            return
        timeout = self._remaining_seconds()
        reason = await self._guard(self._walk_main, timeout, for_cleanup=False)
        if reason is not None:
            status, message = self._stopped(reason)
            state.status, state.message = status, message
        if state.phase in MAIN_PHASES:
            self._enter("on_failure")
        if self._has_cleanup:
            # Once cleanup begins, the verdict must be known to whoever would go on with it.
            await self._host.save(state, ack=True)

    async def _walk_main(self) -> None:
        for phase in MAIN_PHASES:
            if not await self._walk(phase, self._main_step):
                return

    async def _main_step(self, planned: PlannedStep) -> bool:
        runner = await self._run(planned)
        if not runner.problem:
            return True
        word = "init step" if planned.phase == "init" else "step"
        self._fail(f'{word} "{planned.step.name}" failed: {runner.problem}')
        try:
            return runner.continues_on_failure()
        except StepError:
            return False

    def _remaining_seconds(self) -> float | None:
        limit = self._unit.timeout_seconds
        if limit is None:
            return None
        return max(0.0, limit - self._watch.seconds)

    # Cleanup

    @property
    def _has_cleanup(self) -> bool:
        return any(self._unit.phases.get(phase) for phase in CLEANUP_ORDER)

    async def _cleanup_part(self) -> None:
        state = self._context.state
        if self._host.interrupt.force or not self._has_cleanup:
            return
        # `on_failure` of a test is for its own failure; of a suite, for that of any test.
        if state.phase == "on_failure" and not state.status.bad:
            self._enter("always")
        budget = self._job.plan.cleanup_timeout_seconds
        reason = await self._guard(self._walk_cleanup, budget, for_cleanup=True)
        if reason is not None and not self._host.interrupt.force:
            left = self._not_cleaned_up()
            for planned in left:
                why = f"cleanup took longer than its budget of {format_duration(budget)}"
                StepRunner(self._context, planned).left_out(Status.SKIPPED, why)
            state.cleanup_failures += 1 + len(left)

    def _not_cleaned_up(self) -> list[PlannedStep]:
        """Return the cleanup steps behind the one that was cut off."""
        state, order = self._context.state, CLEANUP_ORDER
        phases = order[order.index(state.phase) :] if state.phase in order else ()
        steps = [planned for phase in phases for planned in self._unit.phases.get(phase, ())]
        return steps[state.done + 1 :]

    async def _walk_cleanup(self) -> None:
        for phase in CLEANUP_ORDER:
            await self._walk(phase, self._cleanup_step)

    async def _cleanup_step(self, planned: PlannedStep) -> bool:
        runner = await self._run(planned)
        if runner.problem:
            self._context.state.cleanup_failures += 1
        return True

    # Both

    async def _walk(self, phase: str, step: Callable[[PlannedStep], Awaitable[bool]]) -> bool:
        """Walk one list from the checkpoint on; return False when the unit must not go on."""
        state = self._context.state
        order = (*MAIN_PHASES, *CLEANUP_ORDER)
        if order.index(state.phase) > order.index(phase):
            return True
        if state.phase != phase:
            self._enter(phase)
        steps = self._unit.phases.get(phase, ())
        while state.done < len(steps):
            await self._context.halt_if_interrupted(phase)
            goes_on = await step(steps[state.done])
            if goes_on:
                state.done += 1
                state.in_flight = False
            else:
                self._enter("on_failure")
            await self._host.save(state)
            if not goes_on:
                return False
        return True

    async def _run(self, planned: PlannedStep) -> StepRunner:
        self._current = StepRunner(self._context, planned)
        await self._current.run()
        runner, self._current = self._current, None
        return runner

    async def _guard(
        self, walk: Callable[[], Awaitable[None]], timeout: float | None, *, for_cleanup: bool
    ) -> Interrupt | None:
        """Run a walk until it ends, time is up, or the unit is interrupted; return why it was cut.

        Raises:
            _Evicted: The unit must be left as it is.
        """
        token = self._host.interrupt
        if token.stops_cleanup if for_cleanup else token.reason:
            return self._cut(token.reason or Interrupt.CANCEL, for_cleanup=for_cleanup)
        walking = asyncio.ensure_future(walk())
        waiting = asyncio.ensure_future(token.wait(for_cleanup=for_cleanup))
        try:
            await asyncio.wait(
                (walking, waiting), timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            # A result that is already there counts, even when the interrupt came with it.
            finished = walking.done()
            await _stop(waiting)
            if not finished:
                await _stop(walking)
        if finished:
            walking.result()
            return None
        reason = token.reason if waiting.done() and not waiting.cancelled() else None
        return self._cut(reason or Interrupt.DEADLINE, for_cleanup=for_cleanup)

    def _cut(self, reason: Interrupt, *, for_cleanup: bool) -> Interrupt:
        if reason is Interrupt.EVICT or (for_cleanup and self._host.interrupt.evicted):
            raise _Evicted
        if self._current is not None:
            status, message = self._stopped(reason, for_cleanup=for_cleanup)
            self._current.interrupted(status, message)
            self._current = None
        return reason

    def _stopped(self, reason: Interrupt, *, for_cleanup: bool = False) -> tuple[Status, str]:
        if for_cleanup and not self._host.interrupt.force:
            budget = format_duration(self._job.plan.cleanup_timeout_seconds)
            return Status.TIMEOUT, f"cleanup took longer than its budget of {budget}"
        if reason is Interrupt.DEADLINE and self._host.interrupt.reason is None:
            limit = format_duration(self._unit.timeout_seconds or 0)
            return Status.TIMEOUT, f"the test took longer than its timeout of {limit}"
        return _STOPPED[reason]

    def _enter(self, phase: str) -> None:
        state = self._context.state
        state.phase, state.done, state.in_flight = phase, 0, False

    def _fail(self, message: str) -> None:
        state = self._context.state
        if not state.status.bad:
            state.status, state.message = Status.FAILED, message

    # The end

    async def _close(self) -> UnitOutcome:
        state = self._context.state
        if self._job.ref.kind is UnitKind.CLEANUP:
            # Until here the status said whether the run failed; from here on, whether cleanup did.
            state.status = Status.FAILED if state.cleanup_failures else Status.PASSED
            if self._host.interrupt.force:
                state.status, state.message = _STOPPED[Interrupt.CANCEL]
        self._emit_finished()
        self._enter("done")
        await self._host.save(state, ack=True)
        return self._outcome()

    def _emit_started(self) -> None:
        unit = self._host.unit
        self._context.emit(TestStarted(time.time(), unit.key, unit.attempt, self._unit.name))

    def _emit_finished(self) -> None:
        unit, state = self._host.unit, self._context.state
        self._context.emit(
            TestFinished(
                at=time.time(),
                unit=unit.key,
                attempt=unit.attempt,
                name=self._unit.name,
                status=state.status,
                duration_seconds=self._watch.seconds,
                message=state.message,
                cleanup_failures=state.cleanup_failures,
            )
        )

    def _outcome(self, *, evicted: bool = False) -> UnitOutcome:
        state = self._context.state
        return UnitOutcome(
            status=state.status,
            message=state.message,
            saved=dict(state.saved),
            secret_names=tuple(state.secret_names),
            cleanup_failures=state.cleanup_failures,
            evicted=evicted,
        )


async def _stop(task: asyncio.Future[None]) -> None:
    """Cancel a task and wait for its end, so that nothing of it runs on."""
    task.cancel()
    await asyncio.wait((task,))
