"""The skeleton of every run: suite init, then all tests at once within a limit, then suite cleanup.

It holds no I/O and imports nothing but the standard library and the run model, so that the same
function runs in the embedded event loop and inside a workflow of a durable runtime.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from rocketship.dataclass import dataclass
from rocketship.run.status import Status, worst


@dataclass(frozen=True, slots=True)
class RunShape:
    """As much of a plan as orchestration needs; `skips` holds the reason per test, or None."""

    skips: tuple[str | None, ...]
    has_init: bool
    has_cleanup: bool
    concurrency: int
    fail_fast: bool = False
    remaining_seconds: float | None = None


class UnitReport(Protocol):
    """How a unit ended, as far as orchestration cares."""

    @property
    def status(self) -> Status: ...
    @property
    def message(self) -> str: ...
    @property
    def evicted(self) -> bool: ...


class Ops(Protocol):
    """What orchestration can ask of its runtime."""

    async def init(self) -> UnitReport:
        """Run suite init."""
        ...

    async def test(self, index: int) -> UnitReport:
        """Run a test."""
        ...

    async def cleanup(self, *, failed: bool) -> UnitReport:
        """Run suite cleanup."""
        ...

    def leave_out(self, index: int, status: Status, message: str) -> None:
        """Record that a test is not run."""
        ...

    def deadline(self) -> None:
        """Interrupt everything that runs, because the run's time is up."""
        ...

    @property
    def stopped(self) -> Status | None:
        """CANCELLED or TIMEOUT once the run was interrupted."""
        ...


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """How a run ended; `evicted` means it did not end here."""

    status: Status
    message: str = ""
    evicted: bool = False


async def orchestrate(shape: RunShape, ops: Ops) -> RunVerdict:
    """Carry out a run and return its verdict."""
    watch = asyncio.ensure_future(_watch_deadline(shape.remaining_seconds, ops))
    try:
        return await _Run(shape, ops).carry_out()
    finally:
        watch.cancel()


async def _watch_deadline(seconds: float | None, ops: Ops) -> None:
    if seconds is not None:
        await asyncio.sleep(max(0.0, seconds))
        ops.deadline()


class _Run:
    def __init__(self, shape: RunShape, ops: Ops) -> None:
        self._shape = shape
        self._ops = ops
        self._statuses: list[Status] = []
        self._evicted = False
        self._message = ""

    async def carry_out(self) -> RunVerdict:
        if await self._init():
            await self._tests()
        if self._evicted:
            return RunVerdict(Status.RUNNING, evicted=True)
        verdict = self._verdict()
        if self._shape.has_cleanup:
            report = await self._ops.cleanup(failed=verdict.status.bad)
            if report.evicted:
                return RunVerdict(Status.RUNNING, evicted=True)
        return verdict

    async def _init(self) -> bool:
        if not self._shape.has_init:
            return True
        report = await self._ops.init()
        self._evicted = report.evicted
        if report.evicted or not report.status.bad:
            return not report.evicted
        self._statuses.append(report.status)
        self._message = f"suite init: {report.message}"
        status = self._ops.stopped or Status.FAILED
        for index, skip in enumerate(self._shape.skips):
            if skip is None:
                self._ops.leave_out(index, status, "not run: suite init did not pass")
            else:
                self._ops.leave_out(index, Status.SKIPPED, skip)
        return False

    async def _tests(self) -> None:
        limit = asyncio.Semaphore(max(1, self._shape.concurrency))
        async with asyncio.TaskGroup() as group:
            for index, skip in enumerate(self._shape.skips):
                if skip is None:
                    group.create_task(self._test(index, limit))
                else:
                    self._ops.leave_out(index, Status.SKIPPED, skip)

    async def _test(self, index: int, limit: asyncio.Semaphore) -> None:
        async with limit:
            if self._shape.fail_fast and any(status.bad for status in self._statuses):
                reason = "not run: an earlier test failed (fail fast)"
                self._ops.leave_out(index, Status.SKIPPED, reason)
                return
            report = await self._ops.test(index)
            if report.evicted:
                self._evicted = True
            else:
                self._statuses.append(report.status)

    def _verdict(self) -> RunVerdict:
        stopped = self._ops.stopped
        if stopped is not None:
            return RunVerdict(stopped, self._message)
        if not self._statuses:
            return RunVerdict(Status.FAILED, "no test was executed")
        return RunVerdict(worst(self._statuses), self._message)
