"""The embedded RunBackend: keeps the runs of this process, starts, cancels and evicts them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from rocketship.errors import Disowned, NotFound
from rocketship.interpreter.context import Plugins
from rocketship.interpreter.host import Interrupt
from rocketship.runtime.embedded.execution import Execution
from rocketship.runtime.ports import EventSink, Health, Journal, PlanSource, RunOutcome

#: Ended runs whose outcome can still be asked for.
REMEMBERED_OUTCOMES = 1000


class EmbeddedBackend:
    """Runs suites on the event loop it is used on.

    Args:
        max_parallel_tests: Most tests at once, over all runs.
    """

    def __init__(
        self,
        *,
        plans: PlanSource,
        sink: EventSink,
        journal: Journal,
        plugins: Plugins,
        max_parallel_tests: int,
    ) -> None:
        self._plans = plans
        self._sink = sink
        self._journal = journal
        self._plugins = plugins
        self._max_parallel = max_parallel_tests
        self._slots = asyncio.Semaphore(max_parallel_tests)
        self._executions: dict[str, Execution] = {}
        self._tasks: dict[str, asyncio.Task[RunOutcome | None]] = {}

    async def start(self, run_id: str) -> None:
        if self._has(run_id):
            return
        source = await self._plans.run_source(run_id)
        if self._has(run_id):
            return
        execution = Execution(
            run_id,
            source,
            journal=self._journal,
            sink=self._sink,
            plugins=self._plugins,
            slots=self._slots,
            max_parallel=self._max_parallel,
        )
        task = asyncio.create_task(execution.run(), name=f"run-{run_id}")
        self._executions[run_id] = execution
        self._tasks[run_id] = task
        task.add_done_callback(lambda _: self._forget(run_id))

    async def cancel(self, run_id: str, *, reason: str, force: bool = False) -> None:
        if execution := self._executions.get(run_id):
            await execution.cancel(reason, force=force)

    async def outcome(self, run_id: str) -> RunOutcome:
        task = self._tasks.get(run_id)
        if task is None:
            raise NotFound(f"run {run_id} does not run in this process")
        outcome = await asyncio.shield(task)
        if outcome is None:
            raise NotFound(f"run {run_id} was handed on before it ended")
        return outcome

    async def incomplete(self) -> AsyncIterator[str]:
        for run_id in list(self._executions):
            yield run_id

    async def health(self) -> Health:
        return Health(ok=True, detail=f"{len(self._executions)} runs in progress")

    async def evict(self) -> None:
        """Leave whatever still runs to others, and wait until it has left its checkpoints."""
        tasks = [self._tasks[run_id] for run_id in self._executions]
        for execution in self._executions.values():
            execution.interrupt(Interrupt.EVICT)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Evict whatever still runs."""
        await self.evict()

    def _has(self, run_id: str) -> bool:
        """Return whether a run goes on or has ended here; one that was handed on may come back."""
        task = self._tasks.get(run_id)
        if task is None or not task.done():
            return task is not None
        return not isinstance(task.exception(), Disowned) and task.result() is not None

    def _forget(self, run_id: str) -> None:
        """Let go of an ended run's plan, and of the oldest outcomes."""
        del self._executions[run_id]
        while len(self._tasks) - len(self._executions) > REMEMBERED_OUTCOMES:
            del self._tasks[next(key for key in self._tasks if key not in self._executions)]
