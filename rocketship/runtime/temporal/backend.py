"""The distributed RunBackend: runs are workflows, and whoever asks sees the same ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio.api.enums.v1 import EventType, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryRejectedError,
)
from temporalio.common import TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from rocketship.dataclass import dataclass
from rocketship.errors import Infrastructure, NotFound
from rocketship.interpreter.plan import Plan
from rocketship.run.status import Status
from rocketship.runtime.ports import Health, PlanSource, Recovery, RunOutcome, RunSource
from rocketship.runtime.temporal import messages, search
from rocketship.runtime.temporal.messages import RunEnd, RunOrder, StopNotice
from rocketship.settings.temporal import TemporalSettings
from rocketship.values import to_text

#: How long one question to Temporal may take, with the SDK's own repetitions.
RPC_TIMEOUT = timedelta(seconds=5)
#: Workers ask for work at least once in this time; Temporal remembers who did for longer.
POLL_SECONDS = 70.0
#: Most tests of a run that wait for workers at once, unless the suite says less.
MAX_PARALLEL_TESTS = 500
#: How long a worker may take to decide what comes next; one that vanished is waited for as long.
MIN_TASK_SECONDS = 3.0
#: A worker that is there takes notice in less.
NOTICE_TIMEOUT = timedelta(seconds=3)
_QUEUES = "queues"
_DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Execution:
    """A run as Temporal knows it; `end` is how its workflow ended, or None while it goes on."""

    end: RunOutcome | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that goes on: the queues its units wait in, and when its time is up, if ever."""

    run_id: str
    queues: list[str]
    deadline: float | None


class TemporalBackend:
    """Starts, stops and asks about runs; workers carry them out.

    Args:
        client: May connect later, and again.
        recovery: What becomes of a unit whose worker is lost.
    """

    def __init__(
        self,
        client: Client,
        settings: TemporalSettings,
        *,
        plans: PlanSource,
        recovery: Recovery = Recovery.RESUME,
    ) -> None:
        self._client = client
        self._settings = settings
        self._plans = plans
        self._recovery = recovery
        self._searchable: bool | None = None

    async def start(self, run_id: str) -> None:
        """See `RunBackend`.

        Raises:
            Infrastructure: Temporal is away; nothing was started.
        """
        source = await self._plans.run_source(run_id)
        try:
            if self._searchable is None:
                self._searchable = await search.register(self._client)
            order = self._order(run_id, source, searchable=self._searchable)
            await self._client.start_workflow(
                messages.RUN_WORKFLOW,
                order,
                id=messages.workflow_id(run_id),
                task_queue=self._settings.queue_prefix,
                task_timeout=timedelta(seconds=max(MIN_TASK_SECONDS, order.heartbeat_seconds / 2)),
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                memo={
                    _QUEUES: [self._settings.queue_prefix, *order.queues],
                    _DEADLINE: order.deadline,
                },
                search_attributes=_attributes(source) if order.searchable else None,
                rpc_timeout=RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            pass
        except RPCError as error:
            raise _away(error) from error

    async def cancel(self, run_id: str, *, reason: str, force: bool = False) -> None:
        await self._stop(run_id, StopNotice("cancel", reason, force))

    async def expire(self, run_id: str) -> None:
        """Stop a run whose time is up, as its workflow does itself once a worker has taken it.

        Raises:
            Infrastructure: Temporal is away.
        """
        await self._stop(run_id, StopNotice("deadline"))

    async def untouched(self, run_id: str) -> bool:
        """Return whether no worker has ever taken a run up.

        Once it was told to stop that stays so: whoever takes it up later hears that first.

        Raises:
            Infrastructure: Temporal is away.
        """
        handle = self._client.get_workflow_handle(messages.workflow_id(run_id))
        try:
            async for event in handle.fetch_history_events(rpc_timeout=RPC_TIMEOUT):
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED:
                    return False
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise _away(error) from error
        return True

    async def heeded(self, run_id: str) -> bool:
        """Return whether a worker has taken notice that a run is to stop, or the run has ended."""
        handle = self._client.get_workflow_handle(messages.workflow_id(run_id))
        try:
            notice = await handle.query(
                messages.STOP_QUERY, result_type=StopNotice, rpc_timeout=NOTICE_TIMEOUT
            )
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND
        except WorkflowQueryRejectedError:
            return True
        return bool(notice.why)

    async def abandon(self, run_id: str) -> None:
        """End a run in Temporal; whoever carries some of it out leaves it without cleanup.

        Raises:
            Infrastructure: Temporal is away.
        """
        handle = self._client.get_workflow_handle(messages.workflow_id(run_id))
        try:
            await handle.terminate(reason="ended by the engine", rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise _away(error) from error

    async def outcome(self, run_id: str) -> RunOutcome:
        handle = self._client.get_workflow_handle(messages.workflow_id(run_id), result_type=RunEnd)
        try:
            # To wait for the end of what is not there, the client would wait for ever.
            await handle.describe(rpc_timeout=RPC_TIMEOUT)
            end = await handle.result()
        except WorkflowFailureError as error:
            return RunOutcome(Status.FAILED, _fault(error))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NotFound(f"Temporal does not know run {run_id}") from error
            raise _away(error) from error
        return RunOutcome(Status(end.status), end.message)

    async def execution(self, run_id: str) -> Execution | None:
        """Return what Temporal knows of a run at the moment, or None when it knows nothing.

        Raises:
            Infrastructure: Temporal is away.
        """
        handle = self._client.get_workflow_handle(messages.workflow_id(run_id))
        try:
            found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise _away(error) from error
        if found.status is WorkflowExecutionStatus.RUNNING:
            return Execution(None)
        return Execution(await self.outcome(run_id))

    async def incomplete(self) -> AsyncIterator[str]:
        async for found in self.waiting():
            yield found.run_id

    async def waiting(self) -> AsyncIterator[Waiting]:
        """Yield the runs that go on, as far as Temporal's index knows.

        Raises:
            Infrastructure: Temporal is away.
        """
        query = (
            f'WorkflowType = "{messages.RUN_WORKFLOW}" AND ExecutionStatus = "Running"'
            f' AND TaskQueue = "{self._settings.queue_prefix}"'
        )
        try:
            async for found in self._client.list_workflows(query, rpc_timeout=RPC_TIMEOUT):
                queues: list[str] = await found.memo_value(_QUEUES, [], type_hint=list[str])
                deadline: float | None = await found.memo_value(_DEADLINE, None)
                run_id = messages.run_id_of(found.id)
                yield Waiting(run_id, list(dict.fromkeys(queues)), deadline)
        except RPCError as error:
            raise _away(error) from error

    async def manned(self, queue: str, now: float) -> bool:
        """Return whether a worker has asked for work of a task queue lately.

        Raises:
            Infrastructure: Temporal is away.
        """
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
        try:
            found = await self._client.workflow_service.describe_task_queue(
                request, timeout=RPC_TIMEOUT
            )
        except RPCError as error:
            raise _away(error) from error
        heard = [poller.last_access_time.ToSeconds() for poller in found.pollers]
        return bool(heard) and now - max(heard) < POLL_SECONDS

    def labels(self, queue: str) -> list[str]:
        """Return the labels a task queue is for."""
        return messages.labels_of(self._settings.queue_prefix, queue)

    async def evict(self) -> None:
        """See `RunBackend`; nothing of a run is in this process."""

    async def health(self) -> Health:
        try:
            ok = await self._client.service_client.check_health(timeout=RPC_TIMEOUT)
        except (RPCError, RuntimeError) as error:
            return Health(ok=False, detail=str(error))
        return Health(ok=ok)

    async def _stop(self, run_id: str, notice: StopNotice) -> None:
        handle = self._client.get_workflow_handle(messages.workflow_id(run_id))
        try:
            await handle.signal(messages.STOP_SIGNAL, notice, rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise _away(error) from error

    def _order(self, run_id: str, source: RunSource, *, searchable: bool) -> RunOrder:
        plan, settings = source.plan, self._settings
        queues, routes = _routes(plan, settings.queue_prefix)
        deadline = None
        if plan.timeout_seconds is not None:
            deadline = source.started_at + plan.timeout_seconds
        return RunOrder(
            run_id=run_id,
            skips=[test.skip for test in plan.tests],
            queues=queues,
            routes=routes,
            has_init=plan.init is not None,
            has_cleanup=plan.cleanup is not None,
            concurrency=plan.concurrency or MAX_PARALLEL_TESTS,
            fail_fast=plan.fail_fast,
            deadline=deadline,
            heartbeat_seconds=settings.heartbeat_seconds,
            cleanup_seconds=plan.cleanup_timeout_seconds,
            resume=self._recovery is Recovery.RESUME,
            searchable=searchable,
        )


def _routes(plan: Plan, prefix: str) -> tuple[list[str], list[int]]:
    """Return the task queues of a run, and which of them each test goes to."""
    queues = {messages.queue_name(prefix, plan.runs_on): 0}
    routes = [
        queues.setdefault(messages.queue_name(prefix, test.runs_on), len(queues))
        for test in plan.tests
    ]
    return list(queues), routes if any(routes) else []


def _attributes(source: RunSource) -> TypedSearchAttributes:
    context = source.context
    branch, trigger = (to_text(context.get(key, "")) for key in ("branch", "trigger"))
    return search.attributes(source.plan.suite, branch, trigger)


def _fault(error: WorkflowFailureError) -> str:
    cause: BaseException | None = error.cause
    return f"Temporal ended the run: {cause}" if cause else "Temporal ended the run"


def _away(error: RPCError) -> Infrastructure:
    return Infrastructure(
        f"Temporal cannot be used at the moment: {error.message}",
        hint="check that it runs, and ROCKETSHIP_TEMPORAL_ADDRESS",
    )
