"""The distributed runtime, with a worker in this process and a real Temporal server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from temporalio.client import Client
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from rocketship.engine.hub import Hub
from rocketship.engine.reports import Intake, Report
from rocketship.interpreter.plan import Plan
from rocketship.run.events import Event, RunStarted
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.runtime.ports import Recovery, RunSource
from rocketship.runtime.temporal.backend import TemporalBackend
from rocketship.runtime.temporal.cluster.connection import open_client
from rocketship.runtime.temporal.messages import workflow_id
from rocketship.runtime.temporal.worker import WorkerLoop
from rocketship.runtime.temporal.workflow import (
    MAX_TESTS,
    SHARD_TESTS,
    RunWorkflow,
    ShardWorkflow,
)
from rocketship.settings.temporal import TemporalSettings
from rocketship.store.base import NewRun, RunRecord, stored_events
from rocketship.store.sealing import Sealer, derived_key
from rocketship.store.sqlite.store import FILE_NAME, SqliteStore
from rocketship.testing import FakeFiles
from rocketship.values import JsonObject
from tests.contracts.run_backend import RunBackendContract, Stage
from tests.fixtures.proxy import Proxy
from tests.fixtures.temporal import HEARTBEAT_SECONDS, TemporalServer
from tests.interpreter.probe import Plugins, Probe, plan, step, unit

pytestmark = pytest.mark.slow

#: Tests that a worker does at once where that is counted.
PARALLEL = 8
REPLAY_SECONDS = 40


class Sources:
    def __init__(self) -> None:
        self.known: dict[str, RunSource] = {}

    async def run_source(self, run_id: str) -> RunSource:
        return self.known[run_id]


class Direct:
    """Reports that go to the store without a wire in between."""

    def __init__(self, intake: Intake) -> None:
        self.lost = False
        self._intake = intake
        self._taken: list[Report] = []
        self._stored = 0
        self._sending = asyncio.Lock()

    def report(self, run_id: str, event: Event, number: int) -> int:
        unit, attempt = getattr(event, "unit", ""), getattr(event, "attempt", 1)
        self._taken.append(Report(run_id, unit, attempt, number, event))
        self._task = asyncio.ensure_future(self.wait_stored(len(self._taken)))
        return len(self._taken)

    def stored(self, place: int) -> bool:
        return self._stored >= place

    async def wait_stored(self, place: int) -> None:
        async with self._sending:
            if self.lost:
                await asyncio.Event().wait()
            if self._stored < place and not self.lost:
                upto = len(self._taken)
                await self._intake.take(self._taken[self._stored : upto])
                self._stored = upto

    async def keep(self, run_id: str, name: str, state: JsonObject) -> None:
        await self._intake.keep(run_id, name, state)

    async def kept(self, run_id: str, name: str) -> JsonObject:
        return await self._intake.kept(run_id, name)


@asynccontextmanager
async def temporal_stage(
    folder: Path, port: int, *, parallel: int = 16, recovery: Recovery = Recovery.RESUME
) -> AsyncIterator[Stage]:
    store = SqliteStore(folder / FILE_NAME)
    sealer = Sealer(lambda: derived_key("k"))
    direct, sources, probe = Direct(Intake(store, Hub(), sealer)), Sources(), Probe()
    proxy = Proxy(port)
    settings = TemporalSettings(
        address=f"127.0.0.1:{proxy.port}",
        queue_prefix=f"q-{folder.name}",
        heartbeat_seconds=HEARTBEAT_SECONDS,
    )
    client = await open_client(settings, sealer, lazy=False)
    backend = TemporalBackend(client, settings, plans=sources, recovery=recovery)
    worker = WorkerLoop(
        client,
        prefix=settings.queue_prefix,
        labels=(),
        slots=parallel,
        grace_seconds=0,
        plans=sources,
        reports=direct,
        states=direct,
        plugins=Plugins(probe),
    )
    serving = asyncio.create_task(worker.serve())

    async def submit(run_id: str, whole: Plan, **changes: Any) -> None:
        started_at = changes.pop("started_at", time.time())
        changes.pop("recovery", None)
        sources.known[run_id] = RunSource(whole, FakeFiles(), started_at, **changes)
        infos = tuple(test.info for test in whole.tests)
        started = RunStarted(started_at, whole.suite, whole.file, infos)
        record = RunRecord(run_id, whole.suite, whole.file, Status.RUNNING, started_at)
        if not await store.events(run_id):
            await store.create_run(NewRun(record, RunSpec(whole.file, b""), (started,)))

    async def events(run_id: str) -> list[Event]:
        return [item.event async for page in stored_events(store, run_id) for item in page]

    async def lose() -> None:
        direct.lost = True
        proxy.close()

    try:
        yield Stage(backend, probe, submit, events, lose)
        if not direct.lost:
            await _replay(client, sources.known.items())
    finally:
        draining = asyncio.create_task(worker.drain())
        if direct.lost:
            async with _refusing(proxy.port):
                with suppress(Exception):
                    await serving
        else:
            await serving
            proxy.close()
        draining.cancel()
        await store.close()


@asynccontextmanager
async def _refusing(port: int) -> AsyncIterator[None]:
    """Stand where Temporal was and refuse every call.

    What a lost worker leaves in this process would go on trying for long, and may never end once
    the loop is closed over it; refused, it gives up.
    """
    server = grpc.aio.server()
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)


async def _replay(client: Client, runs: Iterable[tuple[str, RunSource]]) -> None:
    """Decide everything again, in the sandbox that workers do without.

    What a workflow decides must follow from its history alone; the sandbox refuses what does not.
    """
    restrictions = SandboxRestrictions.default.with_passthrough_modules("rocketship")
    replayer = Replayer(
        workflows=[RunWorkflow, ShardWorkflow],
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
        data_converter=client.data_converter,
        workflow_failure_exception_types=[Exception],
    )
    for run_id, source in runs:
        for workflow in [workflow_id(run_id), *_parts(run_id, source.plan)]:
            history = await client.get_workflow_handle(workflow).fetch_history()
            # Where it decides otherwise, the replayer knows so, but may not end by itself.
            async with asyncio.timeout(REPLAY_SECONDS):
                await replayer.replay_workflow(history)


def _parts(run_id: str, whole: Plan) -> list[str]:
    """Return the workflows a run with very many tests is divided into."""
    if len(whole.tests) <= MAX_TESTS:
        return []
    count = -(-len(whole.tests) // SHARD_TESTS)
    return [f"{workflow_id(run_id)}-s{number}" for number in range(count)]


class TestTemporalBackend(RunBackendContract):
    deadline_seconds = 1.5

    @pytest.fixture(autouse=True)
    def _server(self, temporal_server: TemporalServer) -> None:
        self.port = temporal_server.port

    def open_stage(self, folder: Path, **options: Any):
        return temporal_stage(folder, self.port, **options)

    # Every stage replays the workflows of its runs at its end; these have parts.

    def test_run_of_very_many_tests_goes_on_in_parts(self) -> None:
        tests = [unit(f"T{number}", steps=[step(f"s{number}")]) for number in range(MAX_TESTS + 1)]
        whole = plan(
            *tests,
            init=unit("suite init", init=[step("i")]),
            cleanup=unit("suite cleanup", always=[step("c")]),
            skips={MAX_TESTS: "later"},
        )

        async def body(stage: Stage) -> None:
            outcome, result = await stage.play(whole)
            assert outcome.status is Status.PASSED
            assert (result.totals.passed, result.totals.skipped) == (MAX_TESTS, 1)
            assert (stage.probe.calls[0], stage.probe.calls[-1]) == ("i", "c")
            assert len(set(stage.probe.calls)) == len(stage.probe.calls) == MAX_TESTS + 2

        self.run(body)

    def test_cancelled_run_of_very_many_tests_is_stopped_in_all_its_parts(self) -> None:
        tests = [unit(f"T{n}", steps=[step(f"s{n}", "wait")]) for n in range(MAX_TESTS + 1)]
        whole = plan(*tests, cleanup=unit("suite cleanup", always=[step("c")]))

        async def body(stage: Stage) -> None:
            run_id = await stage.start(whole)
            while len(stage.probe.gates) < PARALLEL:
                await asyncio.sleep(0.01)
            await stage.backend.cancel(run_id, reason="enough")
            outcome = await stage.backend.outcome(run_id)
            assert outcome.status is Status.CANCELLED
            result = await stage.result(run_id)
            assert result.totals.cancelled == MAX_TESTS + 1
            assert stage.probe.calls.count("c") == 1
            assert len(stage.probe.calls) == PARALLEL + 1

        self.run(body, parallel=PARALLEL)
