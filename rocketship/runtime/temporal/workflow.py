"""The workflows: a run with its units as activities, and a part of a run with too many tests.

Nothing here knows what a step is. A unit that loses its worker is given to another with the last
checkpoint that arrived, which is done here and not by Temporal's own retries, so that a run that is
cancelled in between still knows what is to be cleaned up. Whatever a unit does is a result.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from temporalio import exceptions, workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.workflow import (
    ActivityCancellationType,
    ActivityHandle,
    ChildWorkflowHandle,
    ParentClosePolicy,
)

from rocketship.dataclass import dataclass
from rocketship.run.status import Status
from rocketship.runtime.orchestrate import RunShape, RunVerdict, orchestrate
from rocketship.runtime.temporal import messages
from rocketship.runtime.temporal.messages import (
    Conclusion,
    LeftOut,
    RunEnd,
    RunOrder,
    StopNotice,
    UnitEnd,
    UnitOrder,
)
from rocketship.values import JsonObject

T = TypeVar("T")

#: Workers that may be lost with a unit before it is only cleaned up.
MAX_HOLDERS = 3
#: Runs with more tests than this are divided, because a workflow's history is limited.
MAX_TESTS = 1000
SHARD_TESTS = 500
#: Temporal refuses a workflow with more unfinished activities than 2000.
MAX_PENDING = 500
#: Temporal wants a limit; ours are the interpreter's.
_NO_LIMIT = timedelta(days=3650)
_PAUSE = timedelta(seconds=0.2)
STATUS_KEY = SearchAttributeKey.for_keyword("rkStatus")
_STOPPED = {"cancel": Status.CANCELLED, "deadline": Status.TIMEOUT}


@dataclass(frozen=True, slots=True)
class _Report:
    """How a unit, or a part of the run, ended; see `orchestrate.UnitReport`."""

    status: Status
    message: str = ""
    evicted: bool = False


class _Stoppable:
    """What runs and their parts have in common: they are told to stop, and tell their workers."""

    def __init__(self) -> None:
        self._stop = StopNotice()
        self._left_out: list[LeftOut] = []
        self._executed = 0

    @workflow.signal(name=messages.STOP_SIGNAL)
    def stop(self, notice: StopNotice) -> None:
        """Stop; the first reason stays, force is added to it."""
        first = self._stop if self._stop.why else notice
        self._stop = replace(first, force=first.force or notice.force)
        self._pass_on()

    @workflow.query(name=messages.STOP_QUERY)
    def stop_notice(self) -> StopNotice:
        """Return whether and why the run is to stop."""
        return self._stop

    @property
    def stopped(self) -> Status | None:
        return _STOPPED.get(self._stop.why)

    def leave_out(self, index: int, status: Status, message: str) -> None:
        self._left_out.append(LeftOut(index, 1, status.value, message))

    def _pass_on(self) -> None:
        """Tell whoever works for this workflow that it is to stop."""
        raise NotImplementedError


class _Units(_Stoppable):
    """Carries out the units of an order as activities."""

    def __init__(self) -> None:
        super().__init__()
        self._order: RunOrder
        self._prepared = False
        self._activities: set[ActivityHandle[UnitEnd]] = set()

    async def init(self) -> _Report:
        report = await self._unit(UnitOrder(self._order.run_id, "init"), self._order.queues[0])
        self._prepared = True
        return report

    async def test(self, index: int) -> _Report:
        number = self._order.first + index
        self._executed += 1
        unit = UnitOrder(self._order.run_id, "test", number, prepared=self._prepared)
        return await self._unit(unit, self._order.queue(index))

    async def cleanup(self, *, failed: bool) -> _Report:
        unit = UnitOrder(self._order.run_id, "cleanup", prepared=self._prepared, failed=failed)
        return await self._unit(unit, self._order.queues[0])

    def deadline(self) -> None:
        """See `orchestrate.Ops`; the run's time is up."""
        self.stop(StopNotice("deadline"))

    def _pass_on(self) -> None:
        for handle in list(self._activities):
            handle.cancel()

    async def _unit(self, unit: UnitOrder, queue: str) -> _Report:
        """Have a unit carried out, by one worker after the other if need be."""
        give_up: float | None = None
        losses = 0
        while True:
            if self._stop.why and unit.attempt == 1 and unit.kind != "cleanup":
                return self._without(unit, self._end_of_stopped(), f"not run: {self._why()}")
            end, lost = await self._try(
                replace(unit, stop=self._stop, careful=not self._order.resume), queue
            )
            if end is not None and not end.evicted:
                return _Report(Status(end.status), end.message)
            if end is not None and not end.begun:
                continue
            state = lost if end is None else end.state
            unit = replace(unit, attempt=unit.attempt + 1, state=state or unit.state)
            if end is not None:
                # Left in order, which may happen as often as it likes.
                continue
            losses += 1
            if self._stop.why and unit.state is None and unit.kind != "cleanup":
                return self._without(unit, self._end_of_stopped(), f"not run: {self._why()}")
            if not self._order.resume or losses >= MAX_HOLDERS:
                unit = replace(unit, only_cleanup=unit.kind != "cleanup")
            give_up = give_up or workflow.time() + self._order.cleanup_seconds
            if losses >= MAX_HOLDERS and workflow.time() > give_up:
                return self._without(unit, Status.FAILED, "every worker that ran it was lost")
            await workflow.sleep(_PAUSE)

    async def _try(self, unit: UnitOrder, queue: str) -> tuple[UnitEnd | None, JsonObject | None]:
        """Return the unit's end, or what is known of a lost one: its last checkpoint."""
        handle = workflow.start_activity(
            messages.UNIT_ACTIVITY,
            unit,
            result_type=UnitEnd,
            activity_id=_activity_id(unit),
            task_queue=queue,
            start_to_close_timeout=_NO_LIMIT,
            heartbeat_timeout=timedelta(seconds=self._order.heartbeat_seconds),
            retry_policy=RetryPolicy(maximum_attempts=1),
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        self._activities.add(handle)
        try:
            return await handle, None
        except exceptions.ActivityError as error:
            if not isinstance(error.cause, exceptions.CancelledError):
                # Otherwise nobody has had it yet.
                where = {"unit": unit.kind, "index": unit.index}
                workflow.logger.warning("unit_lost", extra=where)
            return None, _checkpoint(error)
        finally:
            self._activities.discard(handle)

    def _without(self, unit: UnitOrder, status: Status, message: str) -> _Report:
        """End a unit that has nobody to tell its end."""
        if unit.kind == "test":
            self._left_out.append(LeftOut(unit.index, unit.attempt, status.value, message))
        return _Report(status, message)

    def _end_of_stopped(self) -> Status:
        return self.stopped or Status.CANCELLED

    def _why(self) -> str:
        if self._stop.why == "deadline":
            return "the run reached its deadline"
        return "the run was cancelled"


@workflow.defn(name=messages.SHARD_WORKFLOW)
class ShardWorkflow(_Units):
    """Some of the tests of a run that has very many."""

    @workflow.run
    async def run(self, order: RunOrder) -> RunEnd:
        """Carry the tests out; init, cleanup and the end are the business of the run."""
        self._order, self._prepared = order, order.prepared
        verdict = await orchestrate(_shape(order), self)
        left_out = self._left_out
        return RunEnd(verdict.status.value, verdict.message, self._executed, left_out)

    def leave_out(self, index: int, status: Status, message: str) -> None:
        super().leave_out(self._order.first + index, status, message)


@workflow.defn(name=messages.RUN_WORKFLOW)
class RunWorkflow(_Units):
    """A run from its init to its end."""

    def __init__(self) -> None:
        super().__init__()
        self._shards: list[RunOrder] = []
        self._children: dict[int, ChildWorkflowHandle[ShardWorkflow, RunEnd]] = {}

    @workflow.run
    async def run(self, order: RunOrder) -> RunEnd:
        """Carry the run out and tell its end."""
        self._order = order
        self._shards = _shards(order) if len(order.skips) > MAX_TESTS else []
        verdict = await self._finish(asyncio.ensure_future(self._carry_out()))
        conclusion = Conclusion(
            order.run_id, verdict.status.value, verdict.message, self._stop, self._left_out
        )
        await self._finish(asyncio.ensure_future(self._conclude(conclusion)))
        if order.searchable:
            workflow.upsert_search_attributes([STATUS_KEY.value_set(verdict.status.value)])
        return RunEnd(verdict.status.value, verdict.message, self._executed)

    async def test(self, index: int) -> _Report:
        if not self._shards:
            return await super().test(index)
        return await self._shard(index)

    def leave_out(self, index: int, status: Status, message: str) -> None:
        if not self._shards:
            super().leave_out(index, status, message)
            return
        shard = self._shards[index]
        for number, skip in enumerate(shard.skips, shard.first):
            if skip is None:
                super().leave_out(number, status, message)
            else:
                super().leave_out(number, Status.SKIPPED, skip)

    def _pass_on(self) -> None:
        super()._pass_on()
        for child in self._children.values():
            self._tell(child)

    def _tell(self, child: ChildWorkflowHandle[ShardWorkflow, RunEnd]) -> None:
        self._told = asyncio.ensure_future(child.signal(messages.STOP_SIGNAL, self._stop))

    async def _finish(self, work: asyncio.Future[T]) -> T:
        """Wait for something to its end; whoever cancels the workflow itself stops the run."""
        while True:
            try:
                return await asyncio.shield(work)
            except BaseException as error:
                if work.done() or not exceptions.is_cancelled_exception(error):
                    raise
                self.stop(StopNotice("cancel", "cancelled in Temporal"))

    async def _carry_out(self) -> RunVerdict:
        order = self._order
        shape = _shape(order)
        if self._shards:
            nothing = (None,) * len(self._shards)
            shape = replace(shape, skips=nothing, concurrency=_parts_at_once(order))
        verdict = await orchestrate(shape, self)
        if self.stopped is None and verdict.status is Status.PASSED and not self._executed:
            return RunVerdict(Status.FAILED, "no test was executed")
        return verdict

    async def _shard(self, number: int) -> _Report:
        shard = replace(self._shards[number], prepared=self._prepared)
        child = await workflow.start_child_workflow(
            messages.SHARD_WORKFLOW,
            shard,
            id=f"{workflow.info().workflow_id}-s{number}",
            result_type=RunEnd,
            parent_close_policy=ParentClosePolicy.REQUEST_CANCEL,
        )
        self._children[number] = child
        if self._stop.why:
            self._tell(child)
        end: RunEnd = await child
        del self._children[number]
        self._left_out += end.left_out
        self._executed += end.executed
        status = Status(end.status) if end.executed else self.stopped or Status.PASSED
        return _Report(status, end.message)

    async def _conclude(self, conclusion: Conclusion) -> None:
        await workflow.execute_activity(
            messages.CONCLUDE_ACTIVITY,
            conclusion,
            start_to_close_timeout=_NO_LIMIT,
            heartbeat_timeout=timedelta(seconds=self._order.heartbeat_seconds),
            retry_policy=RetryPolicy(
                initial_interval=_PAUSE, maximum_interval=timedelta(seconds=5)
            ),
            cancellation_type=ActivityCancellationType.ABANDON,
        )


def _shape(order: RunOrder) -> RunShape:
    remaining = None
    if order.deadline is not None:
        remaining = order.deadline - workflow.time()
    return RunShape(
        skips=tuple(order.skips),
        has_init=order.has_init,
        has_cleanup=order.has_cleanup,
        concurrency=min(order.concurrency, MAX_PENDING),
        fail_fast=order.fail_fast,
        remaining_seconds=remaining,
    )


def _shards(order: RunOrder) -> list[RunOrder]:
    """Divide a run's tests, and how many of them may go on at once."""
    starts = range(0, len(order.skips), SHARD_TESTS)
    share = max(1, min(order.concurrency, MAX_PENDING) // _parts_at_once(order))
    return [
        replace(
            order,
            skips=order.skips[start : start + SHARD_TESTS],
            routes=order.routes[start : start + SHARD_TESTS],
            first=start,
            has_init=False,
            has_cleanup=False,
            concurrency=share,
            deadline=None,
        )
        for start in starts
    ]


def _parts_at_once(order: RunOrder) -> int:
    # Only one part after the other can know that a test of another one has failed.
    parts = -(-len(order.skips) // SHARD_TESTS)
    return 1 if order.fail_fast else min(parts, order.concurrency)


def _activity_id(unit: UnitOrder) -> str:
    name = f"t-{unit.index}" if unit.kind == "test" else unit.kind
    return f"{name}-{unit.attempt}"


def _checkpoint(error: exceptions.ActivityError) -> JsonObject | None:
    """Return the last checkpoint that arrived from a worker that was lost."""
    cause = error.cause
    if not isinstance(cause, exceptions.TimeoutError):
        return None
    details = cause.last_heartbeat_details
    return details[0] if details and isinstance(details[0], dict) else None
