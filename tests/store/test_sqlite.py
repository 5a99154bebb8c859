from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rocketship.errors import StoreError
from rocketship.run.events import LogEmitted, Recorded
from rocketship.store.base import RunFilter, UnitCheckpoint
from rocketship.store.sqlite import store as sqlite
from rocketship.store.sqlite.listing import list_rows
from rocketship.store.sqlite.store import FILE_NAME, RUNS_AT_ONCE, SqliteStore
from rocketship.store.sqlite.writer import LOG_PAGES
from tests.contracts.run_store import SPEC, RunStoreContract, ended, new_run, record

PAGE_BYTES = 4096


@asynccontextmanager
async def sqlite_store(folder: Path, *, full_sync: bool = False) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(folder / "data" / FILE_NAME, full_sync=full_sync)
    try:
        yield store
    finally:
        await store.close()


def said(number: int) -> Recorded:
    return Recorded(number, LogEmitted(1.0, "t-0", 1, "steps[0]", "hello"))


class TestSqliteStore(RunStoreContract):
    def open_store(self, folder: Path):
        return sqlite_store(folder)


class TestSqliteStoreWithFullSync(RunStoreContract):
    """Here all is left to the writer's thread."""

    def open_store(self, folder: Path):
        return sqlite_store(folder, full_sync=True)


def test_database_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    async def main() -> None:
        async with sqlite_store(tmp_path) as store:
            await store.unfinished()

    asyncio.run(main())
    mode = (tmp_path / "data" / FILE_NAME).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_two_processes_worth_of_stores_share_one_file(tmp_path: Path) -> None:
    first, second = record(1.0), record(2.0)

    async def main() -> None:
        async with sqlite_store(tmp_path) as one, sqlite_store(tmp_path) as two:
            await asyncio.gather(one.create_run(new_run(first)), two.create_run(new_run(second)))
            assert len(await one.unfinished()) == 2
            await two.append(first.id, [], end=ended(first))
            assert len(await one.unfinished()) == 1

    asyncio.run(main())


def test_new_file_can_be_opened_by_many_at_once(tmp_path: Path) -> None:
    async def main(folder: Path) -> None:
        async with AsyncExitStack() as stack:
            stores = [await stack.enter_async_context(sqlite_store(folder)) for _ in range(4)]
            runs = [record(float(number)) for number in range(4)]
            await asyncio.gather(
                *(store.create_run(new_run(run)) for store, run in zip(stores, runs, strict=True))
            )
            assert len(await stores[0].unfinished()) == 4

    for number in range(10):
        asyncio.run(main(tmp_path / str(number)))


def test_append_waits_for_the_transaction_of_another_process(tmp_path: Path) -> None:
    run = record()

    async def main() -> None:
        async with sqlite_store(tmp_path) as store:
            await store.create_run(new_run(run))
            with closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as other:
                other.execute("BEGIN IMMEDIATE")
                appending = asyncio.ensure_future(store.append(run.id, [said(2)]))
                done, _ = await asyncio.wait({appending}, timeout=0.05)
                assert not done
                other.execute("ROLLBACK")
            await appending
            assert [item.seq for item in await store.events(run.id)] == [1, 2]

    asyncio.run(main())


def test_thread_and_loop_never_use_the_connection_together(tmp_path: Path) -> None:
    run = record()

    async def main() -> None:
        async with sqlite_store(tmp_path) as store:
            await store.create_run(new_run(run))
            for number in range(2, 500):
                thread = asyncio.ensure_future(store.find(run.id))
                # A thread that is slow to say that it has work now.
                await asyncio.sleep(0)
                await asyncio.gather(store.append(run.id, [said(number)]), thread)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        asyncio.run(main())
    finally:
        sys.setswitchinterval(interval)


def test_log_beside_the_database_stays_small(tmp_path: Path) -> None:
    run = record()
    log = tmp_path / "data" / f"{FILE_NAME}-wal"

    async def main() -> int:
        async with sqlite_store(tmp_path) as store:
            await store.create_run(new_run(run))
            for number in range(2, 1500):
                await store.append(run.id, [said(number)], UnitCheckpoint("t-0", 1, b"x"))
            return log.stat().st_size

    assert asyncio.run(main()) < 2 * LOG_PAGES * PAGE_BYTES


def test_failed_work_reaches_its_caller_and_nobody_else(tmp_path: Path) -> None:
    run = record()

    async def main() -> None:
        async with sqlite_store(tmp_path) as store:
            good = asyncio.ensure_future(store.create_run(new_run(run)))
            bad = asyncio.ensure_future(store.create_run(new_run(run)))
            assert await good == run.id
            with pytest.raises(StoreError):
                await bad
            assert await store.find(run.id) == [run]

    asyncio.run(main())


def test_database_of_a_newer_program_is_refused_with_its_version(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    connection = sqlite3.connect(tmp_path / "data" / FILE_NAME)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    async def main() -> None:
        async with sqlite_store(tmp_path) as store:
            await store.unfinished()

    with pytest.raises(StoreError, match="version 99"):
        asyncio.run(main())


def open_files() -> Iterator[str]:
    """Yield the paths that this process has open, as far as Linux tells."""
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            yield os.readlink(descriptor)


def test_file_that_is_no_database_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE_NAME).write_bytes(b"this is not a database, it is a letter" * 40)

    async def main() -> None:
        async with sqlite_store(tmp_path) as store:
            await store.unfinished()

    with pytest.raises(StoreError, match="damaged") as caught:
        asyncio.run(main())
    assert caught.value.hint
    assert not [name for name in open_files() if name.endswith(FILE_NAME)]


def test_closed_store_refuses_work(tmp_path: Path) -> None:
    async def main() -> None:
        async with sqlite_store(tmp_path) as store:
            await store.unfinished()
        with pytest.raises(StoreError, match="closed"):
            await store.unfinished()

    asyncio.run(main())


def test_large_suites_in_history_do_not_slow_events_down(tmp_path: Path) -> None:
    runs = [record(float(number)) for number in range(4)]
    large = replace(SPEC, source=b"#" * 16_000_000)
    event = LogEmitted(1.0, "t-0", 1, "steps[0]", "m")

    async def main() -> float:
        async with sqlite_store(tmp_path) as store:
            for run in runs:
                await store.create_run(new_run(run, spec=large))
            begun = time.perf_counter()
            for seq in range(2, 302):
                await store.append(runs[0].id, [Recorded(seq, event)])
            return time.perf_counter() - begun

    # If every event read through the suites of all runs, it would be tens of seconds.
    assert asyncio.run(main()) < 5.0


def test_steps_do_not_wait_until_old_runs_are_removed(tmp_path: Path) -> None:
    old = [record(float(number)) for number in range(3 * RUNS_AT_ONCE)]
    going_on = record()

    async def main() -> None:
        async with sqlite_store(tmp_path) as store:
            for run in (*old, going_on):
                await store.create_run(new_run(run))
            for run in old:
                await store.append(run.id, [], end=ended(run, ended_at=10.0))
            removing = asyncio.ensure_future(store.delete_ended_before(15.0))
            await asyncio.sleep(0)
            event = LogEmitted(1.0, "t-0", 1, "steps[0]", "m")
            await store.append(going_on.id, [Recorded(2, event)])
            assert not removing.done()
            assert await removing == len(old)

    asyncio.run(main())


def test_steps_do_not_wait_for_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, stored = record(), threading.Event()

    def search(*arguments: Any) -> Any:
        assert stored.wait(30)
        return list_rows(*arguments)

    monkeypatch.setattr(sqlite, "list_rows", search)

    async def main() -> None:
        async with sqlite_store(tmp_path) as store:
            await store.create_run(new_run(run))
            searching = asyncio.ensure_future(store.list_runs(RunFilter(text="shop")))
            event = LogEmitted(1.0, "t-0", 1, "steps[0]", "m")
            async with asyncio.timeout(30):
                await store.append(run.id, [Recorded(2, event)])
            stored.set()
            assert [found.id for found in (await searching).runs] == [run.id]

    asyncio.run(main())
