"""A worker: takes units from the task queues of its labels until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import (
    FixedSizeSlotSupplier,
    PollerBehaviorSimpleMaximum,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerTuner,
)

from rocketship.interpreter.context import Plugins
from rocketship.runtime.ports import PlanSource, Reports, States
from rocketship.runtime.temporal.messages import queue_names
from rocketship.runtime.temporal.slots import SharedSlots
from rocketship.runtime.temporal.units import Units
from rocketship.runtime.temporal.workflow import RunWorkflow, ShardWorkflow

log = logging.getLogger(__name__)

#: After the loss of the worker that knows a workflow, others are asked this much later.
STICKY_TIMEOUT = timedelta(seconds=1)
THROTTLE = timedelta(seconds=0.2)
MAX_WORKFLOW_TASKS = 40
#: Of one queue at once; workers with many queues have fewer for each.
MAX_POLLS = 5
#: More than units need to leave, once the grace is over.
EXTRA_SECONDS = 5.0
RESTART_SECONDS = 1.0


class WorkerLoop:
    """Serves the task queues of some labels.

    Args:
        prefix: What the names of all task queues begin with.
        labels: What suites can ask for.
        slots: Most tests at once.
        grace_seconds: What steps in flight are given to end when the worker is drained.
    """

    def __init__(
        self,
        client: Client,
        *,
        prefix: str,
        labels: Sequence[str],
        slots: int,
        grace_seconds: float,
        plans: PlanSource,
        reports: Reports,
        states: States,
        plugins: Plugins,
    ) -> None:
        self._client = client
        self._queues = queue_names(prefix, labels)
        self._slots = slots
        self._grace = grace_seconds
        self._units = Units(
            client, plans=plans, reports=reports, states=states, plugins=plugins, slots=slots
        )
        self._stop = asyncio.Event()

    @property
    def busy(self) -> int:
        """How many units are being carried out."""
        return self._units.busy

    async def serve(self) -> None:
        """Take units until drained; faults of the connection are waited out."""
        while not self._stop.is_set():
            try:
                await self._serve()
            except Exception:  # Temporal may refuse for a while; another try may find it well
                if self._stop.is_set():
                    raise
                log.exception("worker_failed")
                await asyncio.sleep(RESTART_SECONDS)

    async def drain(self) -> None:
        """Take nothing more; leave what is in flight to others, step by step within the grace."""
        self._units.drain()
        self._stop.set()
        await asyncio.sleep(self._grace)
        self._units.evict()

    async def _serve(self) -> None:
        tuner = self._tuner()
        workers = [self._worker(queue, tuner) for queue in self._queues]
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(worker.run()) for worker in workers]
            log.info("polling", extra={"queues": ",".join(self._queues), "slots": self._slots})
            stopped = asyncio.create_task(self._stop.wait())
            await asyncio.wait({stopped, *running}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            await asyncio.gather(*(worker.shutdown() for worker in workers))

    def _tuner(self) -> WorkerTuner:
        # Made anew each time: what a stopped worker has not given back is forgotten with its pool.
        # A single queue has nobody to share with, and slots that are not ours take less time.
        several = len(self._queues) > 1
        return WorkerTuner.create_composite(
            workflow_supplier=FixedSizeSlotSupplier(MAX_WORKFLOW_TASKS),
            activity_supplier=(SharedSlots if several else FixedSizeSlotSupplier)(self._slots),
            local_activity_supplier=FixedSizeSlotSupplier(1),
            nexus_supplier=FixedSizeSlotSupplier(1),
        )

    def _worker(self, queue: str, tuner: WorkerTuner) -> Worker:
        whole = queue == self._queues[0]
        polls = max(1, min(MAX_POLLS, self._slots // len(self._queues)))
        return Worker(
            self._client,
            task_queue=queue,
            activities=[self._units.unit, self._units.conclude] if whole else [self._units.unit],
            workflows=[RunWorkflow, ShardWorkflow] if whole else [],
            # The sandbox takes half of a worker's time; tests replay histories in it instead.
            workflow_runner=UnsandboxedWorkflowRunner(),
            workflow_failure_exception_types=[Exception],
            tuner=tuner,
            activity_task_poller_behavior=PollerBehaviorSimpleMaximum(polls),
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
            max_heartbeat_throttle_interval=THROTTLE,
            default_heartbeat_throttle_interval=THROTTLE,
            graceful_shutdown_timeout=timedelta(seconds=self._grace + EXTRA_SECONDS),
        )
