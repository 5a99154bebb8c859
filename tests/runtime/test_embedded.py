from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rocketship.engine.hub import Hub
from rocketship.engine.recorder import Recorder
from rocketship.errors import StoreError
from rocketship.interpreter.plan import Plan
from rocketship.run.events import Event, RunStarted
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.runtime.embedded.backend import EmbeddedBackend
from rocketship.runtime.ports import Recovery, RunSource
from rocketship.store.base import NewRun, RunRecord
from rocketship.store.sealing import Sealer, derived_key
from rocketship.store.sqlite.store import FILE_NAME, SqliteStore
from rocketship.testing import FakeFiles
from tests.contracts.run_backend import RunBackendContract, Stage
from tests.interpreter.probe import Plugins, Probe, plan, step, unit


class Sources:
    def __init__(self) -> None:
        self.known: dict[str, RunSource] = {}

    async def run_source(self, run_id: str) -> RunSource:
        return self.known[run_id]


@asynccontextmanager
async def embedded_stage(
    folder: Path, *, parallel: int = 16, recovery: Recovery | None = None
) -> AsyncIterator[Stage]:
    """Open a stage; what becomes of a run that was lost is said when it is started again."""
    store = SqliteStore(folder / FILE_NAME)
    hub = Hub()
    recorder = Recorder(store, hub, Sealer(lambda: derived_key("k")))
    sources, probe = Sources(), Probe()
    backend = EmbeddedBackend(
        plans=sources,
        sink=recorder,
        journal=recorder,
        plugins=Plugins(probe),
        max_parallel_tests=parallel,
    )

    async def submit(run_id: str, whole: Plan, **changes: Any) -> None:
        started_at = changes.pop("started_at", time.time())
        sources.known[run_id] = RunSource(whole, FakeFiles(), started_at, **changes)
        infos = tuple(test.info for test in whole.tests)
        started = RunStarted(started_at, whole.suite, whole.file, infos)
        record = RunRecord(run_id, whole.suite, whole.file, Status.RUNNING, started_at)
        known = [item.event for item in await store.events(run_id)]
        if not known:
            await store.create_run(NewRun(record, RunSpec(whole.file, b""), (started,)))
            known = [started]
        recorder.begin(record, known)

    async def events(run_id: str) -> list[Event]:
        return [item.event for item in await store.events(run_id)]

    async def lose() -> None:
        # What a killed process would have stored later is never stored.
        await store.close()

    try:
        yield Stage(backend, probe, submit, events, lose)
    finally:
        await backend.close()
        await store.close()


class TestEmbeddedBackend(RunBackendContract):
    def open_stage(self, folder: Path, **options: Any):
        return embedded_stage(folder, **options)


def test_limit_of_the_process_holds_over_all_runs(tmp_path: Path) -> None:
    async def main() -> None:
        async with embedded_stage(tmp_path, parallel=1) as stage:
            first = await stage.start(plan(unit("A", steps=[step("a", "wait")])))
            second = await stage.start(plan(unit("B", steps=[step("b")])))
            gate = await stage.gate("a")
            assert stage.probe.calls == ["a"]
            gate.open.set()
            await asyncio.gather(stage.backend.outcome(first), stage.backend.outcome(second))
            assert stage.probe.calls == ["a", "b"]

    asyncio.run(main())


def test_journal_that_fails_ends_the_run_as_an_error_after_cleanup_in_memory(
    tmp_path: Path,
) -> None:
    whole = plan(unit("A", steps=[step("a", "wait"), step("a2", safe="no")], always=[step("ac")]))

    async def main() -> None:
        async with embedded_stage(tmp_path) as stage:
            run_id = await stage.start(whole)
            gate = await stage.gate("a")
            await stage.lose()
            gate.open.set()
            error = None
            try:
                await stage.backend.outcome(run_id)
            except StoreError as caught:
                error = caught
            assert error is not None
            assert stage.probe.calls == ["a", "ac"]

    asyncio.run(main())


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_clock_that_jumps_changes_no_verdict_and_makes_no_time_negative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    whole = plan(unit("A", steps=[step("a", "wait")], timeout=60.0), timeout_seconds=60.0)
    real = time.time

    async def main() -> None:
        async with embedded_stage(tmp_path) as stage:
            run_id = await stage.start(whole)
            gate = await stage.gate("a")
            monkeypatch.setattr(time, "time", lambda: real() + jump)
            gate.open.set()
            assert (await stage.backend.outcome(run_id)).status is Status.PASSED
            result = await stage.result(run_id)
            assert result.duration_seconds >= 0
            assert result.tests[0].duration_seconds >= 0
            assert 0 <= result.tests[0].steps[0].duration_seconds < 60

    asyncio.run(main())
