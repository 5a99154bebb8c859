from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rocketship.engine.assemble import Engine, open_engine
from rocketship.engine.planning import LONG_SUITE_BYTES
from rocketship.errors import Conflict, NotFound, Overloaded
from rocketship.plugins.registry import Registry
from rocketship.run.events import Recorded, RunFinished
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.settings.engine import engine_settings
from rocketship.store.base import RunFilter
from rocketship.store.sqlite.store import FILE_NAME, SqliteStore
from tests.contracts.run_store import ended, new_run, record

SUITE = b"""
name: Shop
tests:
  - name: t
    steps:
      - {name: l, plugin: log, config: {message: hi}}
"""
SPEC = RunSpec("shop.yaml", SUITE)
SLOW = RunSpec(
    "shop.yaml",
    SUITE.replace(b"plugin: log, config: {message: hi}", b"plugin: delay, config: {duration: 1h}"),
)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Engine]:
    settings = engine_settings({"ROCKETSHIP_DATA_DIR": str(folder)}, default_recovery="resume")
    async with open_engine(settings, Registry()) as engine:
        yield engine


def with_engine(folder: Path, body: Callable[[Engine], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(folder) as engine:
            await body(engine)

    asyncio.run(main())


@pytest.mark.parametrize("turns", range(8))
def test_run_whose_creator_hangs_up_is_started_or_was_never_created(
    tmp_path: Path, turns: int
) -> None:
    async def body(engine: Engine) -> None:
        service = engine.service
        creating = asyncio.ensure_future(service.create_run(SPEC, {}, idempotency_key="k"))
        for _ in range(turns):
            await asyncio.sleep(0)
        creating.cancel()
        await asyncio.wait({creating})
        run_id = await service.create_run(SPEC, {}, idempotency_key="k")
        await service.wait_ended(run_id)
        assert (await service.resolve(run_id)).status is Status.PASSED

    with_engine(tmp_path, body)


def test_long_suite_is_planned_beside_the_event_loop(tmp_path: Path) -> None:
    tests = b"".join(
        b"  - {name: t%d, steps: [{name: l, plugin: log, config: {message: hi}}]}\n" % number
        for number in range(1500)
    )
    source = b"name: Shop\ntests:\n" + tests
    assert len(source) > LONG_SUITE_BYTES

    async def body(engine: Engine) -> None:
        creating = asyncio.ensure_future(engine.service.create_run(RunSpec("x", source), {}))
        turns = 0
        while not creating.done():
            await asyncio.sleep(0)
            turns += 1
        run_id = creating.result()
        await engine.service.cancel_run(run_id, reason="enough")
        # Planned on the loop, it would have come to its end after a handful of them.
        assert turns > 100

    with_engine(tmp_path, body)


def test_watch_of_an_ended_run_ends_wherever_it_begins(tmp_path: Path) -> None:
    async def body(engine: Engine) -> None:
        service = engine.service
        run_id = await service.create_run(SPEC, {})
        everything = [item async for item in service.watch(run_id)]
        assert isinstance(everything[-1].event, RunFinished)
        for seq in (0, 2, everything[-1].seq, 10**9):
            rest = [item async for item in service.watch(run_id, seq)]
            assert rest == [item for item in everything if item.seq > seq]

    with_engine(tmp_path, body)


def test_watch_of_an_unknown_run_is_refused(tmp_path: Path) -> None:
    async def body(engine: Engine) -> None:
        with pytest.raises(NotFound):
            await anext(engine.service.watch("0" * 26))

    with_engine(tmp_path, body)


def test_cancellation_says_what_it_does(tmp_path: Path) -> None:
    async def body(engine: Engine) -> None:
        service = engine.service
        run_id = await service.create_run(SLOW, {})
        with pytest.raises(Conflict):
            await service.delete_run(run_id)
        done = await service.cancel_run(run_id[:12], reason="enough", force=True)
        assert done.stopped
        assert "without cleanup" in done.message
        await service.wait_ended()
        again = await service.cancel_run(run_id, reason="enough")
        assert again.stopped
        assert "has ended already: CANCELLED" in again.message
        with pytest.raises(Conflict):
            await service.add_log(run_id, "late")

    with_engine(tmp_path, body)


def test_run_of_another_process_is_not_cancelled_here(tmp_path: Path) -> None:
    async def body(engine: Engine) -> None:
        run_id = await engine.service.create_run(SLOW, {})
        async with opened(tmp_path) as other:
            done = await other.service.cancel_run(run_id, reason="enough")
            assert not done.stopped
            assert "another process" in done.message

    with_engine(tmp_path, body)


def test_more_runs_than_the_engine_takes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rocketship.engine.service.MAX_RUNS", 1)

    async def body(engine: Engine) -> None:
        await engine.service.create_run(SLOW, {})
        with pytest.raises(Overloaded):
            await engine.service.create_run(SPEC, {})

    with_engine(tmp_path, body)


def test_health_tells_of_a_store_that_cannot_be_used(tmp_path: Path) -> None:
    async def body(engine: Engine) -> None:
        assert await engine.service.health() == {"store": True, "runtime": True}
        await engine.service._store.close()
        assert await engine.service.health() == {"store": False, "runtime": True}

    with_engine(tmp_path, body)


def test_run_that_ends_while_it_is_read_is_told_as_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(engine: Engine) -> None:
        run_id = await engine.service.create_run(SLOW, {})
        stored = SqliteStore.events

        async def later(store: SqliteStore, *arguments: Any) -> list[Recorded]:
            """Read the events when the run has ended since its record was read."""
            monkeypatch.setattr(SqliteStore, "events", stored)
            await engine.service.cancel_run(run_id, reason="enough")
            await engine.service.wait_ended(run_id)
            return await store.events(*arguments)

        monkeypatch.setattr(SqliteStore, "events", later)
        details = await engine.service.get_run(run_id)
        assert details.record.status is details.result.status is Status.CANCELLED

    with_engine(tmp_path, body)


def test_old_runs_are_removed_while_the_engine_works(tmp_path: Path) -> None:
    old = record(1.0)

    async def main() -> None:
        store = SqliteStore(tmp_path / FILE_NAME)
        await store.create_run(new_run(old))
        await store.append(old.id, [], end=ended(old, ended_at=2.0))
        await store.close()
        async with opened(tmp_path) as engine:
            async with asyncio.timeout(30):
                while (await engine.service.list_runs(RunFilter())).runs:
                    await asyncio.sleep(0)

    asyncio.run(main())
