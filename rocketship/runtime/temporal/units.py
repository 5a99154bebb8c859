"""The activities: a unit carried out by the interpreter, and the end of a run told.

Whatever a suite does is a result. An activity that raises has met a fault of ours, and its unit is
given to another worker as if this one had been lost.
"""

from __future__ import annotations

import asyncio
import logging
import time

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError, Client
from temporalio.service import RPCError, RPCStatusCode

from rocketship.interpreter.context import Plugins, UnitJob
from rocketship.interpreter.host import Interrupt, UnitKind, UnitRef
from rocketship.interpreter.unit import UnitOutcome, run_unit
from rocketship.redaction import Redactor
from rocketship.run.events import RunFinished, TestFinished
from rocketship.run.status import Status
from rocketship.runtime.last_words import Omission, last_words
from rocketship.runtime.ports import PlanSource, Reports, RunOutcome, RunSource, States
from rocketship.runtime.temporal.host import Lost, WorkerHost
from rocketship.runtime.temporal.messages import (
    CONCLUDE_ACTIVITY,
    GLOBALS,
    UNIT_ACTIVITY,
    Conclusion,
    UnitEnd,
    UnitOrder,
)
from rocketship.runtime.temporal.stops import Stops, interrupt
from rocketship.values import Json, JsonObject

log = logging.getLogger(__name__)

CONFIRM_RETRY_SECONDS = 0.2
CONCLUDE_BEAT_SECONDS = 0.5
#: How long a unit that is to leave at once may take, when it waits for an engine that is away.
LEAVE_SECONDS = 4.0


class Units:
    """Carries out units on this worker.

    Args:
        slots: Most tests at once.
    """

    def __init__(
        self,
        client: Client,
        *,
        plans: PlanSource,
        reports: Reports,
        states: States,
        plugins: Plugins,
        slots: int,
    ) -> None:
        self._client = client
        self._plans = plans
        self._reports = reports
        self._states = states
        self._plugins = plugins
        self._slots = slots
        self._stops = Stops(client)
        self._hosts: set[WorkerHost] = set()
        self._draining = False

    @property
    def busy(self) -> int:
        """How many units are being carried out."""
        return len(self._hosts)

    def drain(self) -> None:
        """Leave every unit to other workers, each as soon as its step in flight has ended."""
        self._draining = True
        for host in self._hosts:
            host.drain()

    def evict(self) -> None:
        """Leave every unit at once."""
        for host in self._hosts:
            host.interrupt.set(Interrupt.EVICT)

    @activity.defn(name=UNIT_ACTIVITY)
    async def unit(self, order: UnitOrder) -> UnitEnd:
        """Carry out a unit, or hand it back when there is no slot for it after all."""
        if self._draining or len(self._hosts) >= self._slots:
            where = {"run_id": order.run_id, "unit": order.kind, "index": order.index}
            log.info("unit_handed_back", extra=where)
            return UnitEnd(Status.RUNNING.value, evicted=True, begun=False)
        host = self._host(order)
        interrupt(host.interrupt, order.stop)
        self._hosts.add(host)
        work = asyncio.create_task(self._carry_out(order, host))
        try:
            async with host.beating():
                return await self._until_done(work, host)
        finally:
            self._hosts.discard(host)
            self._stops.forget(_workflow(), host.interrupt)
            work.cancel()

    @activity.defn(name=CONCLUDE_ACTIVITY)
    async def conclude(self, conclusion: Conclusion) -> None:
        """Tell what no unit has told: the tests that were left out, and the end of the run."""
        beat = asyncio.create_task(_beat())
        try:
            source = await self._plans.run_source(conclusion.run_id)
            place = 0
            for number, event in enumerate(_last_events(conclusion, source), 1):
                place = self._reports.report(conclusion.run_id, event, number)
            await self._reports.wait_stored(place)
        finally:
            beat.cancel()

    def _host(self, order: UnitOrder) -> WorkerHost:
        info = activity.info()
        kind = UnitKind(order.kind)
        heartbeat = activity.heartbeat
        handle = self._client.get_async_activity_handle(task_token=info.task_token)

        async def confirm(state: JsonObject | None) -> None:
            while True:
                try:
                    return await handle.heartbeat(*_details(state))
                except AsyncActivityCancelledError:
                    # It has arrived all the same.
                    return None
                except RPCError as error:
                    if error.status is RPCStatusCode.NOT_FOUND:
                        raise Lost from error
                await asyncio.sleep(CONFIRM_RETRY_SECONDS)

        timeout = info.heartbeat_timeout
        return WorkerHost(
            UnitRef(order.run_id, kind, order.index, order.attempt, order.only_cleanup),
            earlier=order.state,
            reports=self._reports,
            states=self._states,
            heartbeat=lambda state: heartbeat(*_details(state)),
            confirm=confirm,
            timeout_seconds=timeout.total_seconds() if timeout else float("inf"),
            neighbours=lambda: len(self._hosts),
            careful=order.careful,
        )

    async def _until_done(self, work: asyncio.Task[UnitEnd], host: WorkerHost) -> UnitEnd:
        """Wait for a unit's end; told to stop, it ends by itself, and to leave, in a moment."""
        evicted = asyncio.create_task(_evicted(host))
        try:
            while not work.done():
                leaving = evicted.done()
                awaited = {work} if leaving else {work, evicted}
                limit = LEAVE_SECONDS if leaving else None
                try:
                    await asyncio.wait(awaited, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
                except asyncio.CancelledError:
                    self._cancelled(host)
                else:
                    if leaving and not work.done():
                        # It waits for an engine that is away.
                        return _evicted_at(await host.leave())
            return work.result()
        finally:
            evicted.cancel()

    def _cancelled(self, host: WorkerHost) -> None:
        details = activity.cancellation_details()
        if details is None or details.cancel_requested:
            self._stops.follow(_workflow(), host.interrupt)
        elif details.worker_shutdown:
            host.interrupt.set(Interrupt.EVICT)
        else:
            host.lose()

    async def _carry_out(self, order: UnitOrder, host: WorkerHost) -> UnitEnd:
        source = await self._plans.run_source(order.run_id)
        job = await self._job(order, host.unit, source)
        outcome = await run_unit(job, host)
        # What another worker goes on from must not be ahead of the record.
        await host.settle()
        if outcome.evicted:
            return _evicted_at(await host.leave())
        if host.unit.kind is UnitKind.INIT:
            await self._states.keep(order.run_id, GLOBALS, _globals(outcome))
        return UnitEnd(outcome.status.value, outcome.message)

    async def _job(self, order: UnitOrder, ref: UnitRef, source: RunSource) -> UnitJob:
        saved: dict[str, Json] = {}
        secret_names: tuple[str, ...] = ()
        if order.prepared:
            kept = await self._states.kept(order.run_id, GLOBALS)
            saved, secret_names = kept["saved"], tuple(kept["secret_names"])  # type: ignore[assignment, arg-type]
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(source.started_at))
        return UnitJob(
            plan=source.plan,
            ref=ref,
            plugins=self._plugins,
            files=source.files,
            redactor=Redactor(source.env.values()),
            env=source.env,
            saved=saved,
            secret_names=secret_names,
            failed=order.failed,
            run={"id": order.run_id, "suite": source.plan.suite, "started_at": started},
        )


def _workflow() -> str:
    return activity.info().workflow_id or ""


def _details(state: JsonObject | None) -> tuple[JsonObject, ...]:
    return () if state is None else (state,)


def _evicted_at(state: JsonObject | None) -> UnitEnd:
    return UnitEnd(Status.RUNNING.value, evicted=True, state=state)


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(CONCLUDE_BEAT_SECONDS)


async def _evicted(host: WorkerHost) -> None:
    """Return once a unit is to be left to another worker, whatever else it was told before."""
    await host.interrupt.wait(for_cleanup=True)
    if not host.interrupt.evicted:
        # Forced, it ends by itself.
        await asyncio.get_running_loop().create_future()


def _globals(outcome: UnitOutcome) -> JsonObject:
    return {"saved": dict(outcome.saved), "secret_names": list(outcome.secret_names)}


def _last_events(conclusion: Conclusion, source: RunSource) -> list[TestFinished | RunFinished]:
    omissions = [
        Omission(item.index, item.attempt, Status(item.status), item.message)
        for item in conclusion.left_out
    ]
    return last_words(
        conclusion.run_id,
        source,
        omissions,
        RunOutcome(Status(conclusion.status), conclusion.message),
        reason=conclusion.stop.reason,
        deadline=conclusion.stop.why == "deadline",
    )
