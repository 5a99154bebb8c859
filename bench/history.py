"""Measures a history in PostgreSQL and in SQLite: events taken in, and lists of 100,000 runs.

The PostgreSQL is a private one with its defaults, commits that reach the disk included.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from row import Row

sys.path.insert(0, str(Path(__file__).parents[1]))

from rocketship.run.events import LogEmitted, Recorded, RunStarted, TestInfo
from rocketship.run.ids import new_run_id
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.store.base import (
    KeyedEvent,
    NewRun,
    RunFilter,
    RunRecord,
    RunStore,
    UnitCheckpoint,
)
from rocketship.store.postgres.store import PostgresStore
from rocketship.store.sqlite.store import SqliteStore
from tests.fixtures.postgres import database_at, own_cluster

#: As engines append: many runs at once, a checkpoint with the few events of a step.
RUNS = 50
EVENTS_OF_A_STEP = 4
#: As workers report: what has gathered since the last report.
EVENTS_OF_A_REPORT = 20
STORED_RUNS = 100_000
PAUSE_SECONDS = 0.005
_FILL = f"""
INSERT INTO run (id, suite, file, status, created_at, ended_at, duration_seconds, branch,
    searched)
SELECT '01' || lpad(n::text, 24, '0'), 'suite ' || n % 500, 'file-' || n % 300 || '.yaml',
    (ARRAY['PASSED', 'FAILED', 'TIMEOUT'])[1 + n % 3], n, n + 5, n % 97, 'branch-' || n % 200,
    concat_ws(chr(31), 'suite ' || n % 500, 'file-' || n % 300 || '.yaml', 'branch-' || n % 200,
        md5(n::text))
FROM generate_series(1, {STORED_RUNS}) AS n;
INSERT INTO suite_name
    SELECT DISTINCT hashtextextended(suite, 0), suite FROM run ON CONFLICT DO NOTHING
"""
_FILL_SQLITE = f"""
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {STORED_RUNS})
INSERT INTO run (id, suite, file, status, created_at, ended_at, duration_seconds, spec, source,
    end_key, duration_key, from_branch, searched)
SELECT '01' || substr('{"0" * 24}' || n, -24), 'suite ' || n % 500,
    'file-' || n % 300 || '.yaml', CASE n % 3 WHEN 0 THEN 'PASSED' ELSE 'FAILED' END, n, n + 5,
    n % 97, '{{}}', x'', n + 5, n % 97, 'branch-' || n % 200,
    'suite ' || n % 500 || ' file-' || n % 300 || '.yaml branch-' || n % 200 || hex(n * 7919)
FROM numbers;
INSERT OR IGNORE INTO suite_name SELECT DISTINCT suite, suite FROM run;
"""
#: Finds nothing, so that every run is looked at.
_SEARCH = RunFilter(text="no run has this")
_SEARCHERS = 2
_QUERIES = (
    RunFilter(),
    RunFilter(cursor="01" + "0" * 19 + "50000"),
    RunFilter(order_by="duration"),
    RunFilter(status="failed"),
    RunFilter(branch="branch-7", order_by="ended_at"),
    RunFilter(suite="suite 44"),
    RunFilter(text="branch-19"),
)
_EVENT = LogEmitted(1.0, "t-0", 1, "steps[0]", "a line of the length that lines usually have")
_STARTED = RunStarted(1.0, "bench", "bench.yaml", (TestInfo("t", "T", 3),))


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    rounds: int = 7
    steps: int = 100
    lists: int = 600


QUICK = Scale(rounds=3, steps=20, lists=100)


def measure(*, quick: bool) -> None:
    """Print a table of all figures."""
    scale = QUICK if quick else Scale()
    print("| what | measured | target | |\n|---|--:|--:|---|")
    _postgres(scale)
    asyncio.run(_sqlite(scale))


def _postgres(scale: Scale) -> None:
    with own_cluster(fsync="on") as cluster:
        name = cluster.new_database()
        cluster.execute("CHECKPOINT")

        async def main() -> None:
            store = PostgresStore(database_at(cluster.url(name)))
            await store.open()
            try:
                await _ingest(store, "PostgreSQL", scale)
                cluster.execute(_FILL, name)
                cluster.execute("VACUUM ANALYZE run", name)
                await _lists(store, "PostgreSQL", scale)
            finally:
                await store.close()

        asyncio.run(main())


async def _sqlite(scale: Scale) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        store = SqliteStore(path)
        try:
            await _ingest(store, "SQLite", scale)
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript(_FILL_SQLITE)
            await _lists(store, "SQLite", scale)
            await _beside_searches(store, scale)
        finally:
            await store.close()


async def _ingest(store: RunStore, where: str, scale: Scale) -> None:
    steps = scale.steps
    reports = steps * EVENTS_OF_A_STEP // EVENTS_OF_A_REPORT
    for name, write, count in (
        ("appended with checkpoints", _append, steps),
        ("added by key", _add, reports),
    ):
        rates = [await _rate(store, write, count, steps) for _ in range(scale.rounds)]
        rate = statistics.median(rates)
        print(Row(f"{where}: events {name}", rate, "/s", 3000, at_least=True), flush=True)


async def _rate(
    store: RunStore,
    write: Callable[[RunStore, str, int], Awaitable[None]],
    count: int,
    steps: int,
) -> float:
    run_ids = [await _create(store) for _ in range(RUNS)]
    begun = perf_counter()
    await asyncio.gather(*(write(store, run_id, count) for run_id in run_ids))
    return RUNS * steps * EVENTS_OF_A_STEP / (perf_counter() - begun)


async def _create(store: RunStore) -> str:
    record = RunRecord(new_run_id(), "bench", "bench.yaml", Status.RUNNING, 1.0, owner="me")
    return await store.create_run(NewRun(record, RunSpec("bench.yaml", b"name: x"), (_STARTED,)))


async def _append(store: RunStore, run_id: str, steps: int) -> None:
    checkpoint = UnitCheckpoint("t-0", 1, b"{}" * 200)
    for step in range(steps):
        first = 2 + step * EVENTS_OF_A_STEP
        events = [Recorded(seq, _EVENT) for seq in range(first, first + EVENTS_OF_A_STEP)]
        await store.append(run_id, events, checkpoint, owner="me")


async def _add(store: RunStore, run_id: str, reports: int) -> None:
    for report in range(reports):
        keys = [f"t-0/1/{report}/{number}" for number in range(EVENTS_OF_A_REPORT)]
        await store.add(run_id, [KeyedEvent(key, _EVENT) for key in keys])


async def _lists(store: RunStore, where: str, scale: Scale) -> None:
    waits = []
    for number in range(scale.lists):
        begun = perf_counter()
        await store.list_runs(_QUERIES[number % len(_QUERIES)])
        waits.append((perf_counter() - begun) * 1000)
    _print_waits(f"{where}: list of {STORED_RUNS} runs", waits)


async def _beside_searches(store: RunStore, scale: Scale) -> None:
    """Measure what a step waits for its commit while others search the history."""

    async def search() -> None:
        while True:
            await store.list_runs(_SEARCH)

    run_id = await _create(store)
    searching = [asyncio.ensure_future(search()) for _ in range(_SEARCHERS)]
    waits = []
    for number in range(scale.lists):
        begun = perf_counter()
        await store.append(run_id, [Recorded(2 + number, _EVENT)], owner="me")
        waits.append((perf_counter() - begun) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    for task in searching:
        task.cancel()
    await asyncio.wait(searching)
    _print_waits(f"SQLite: a commit while {_SEARCHERS} search", waits)


def _print_waits(name: str, waits: list[float]) -> None:
    print(Row(f"{name}, median", statistics.median(waits), "ms", digits=1), flush=True)
    print(Row(f"{name}, p99", statistics.quantiles(waits, n=100)[98], "ms", 50), flush=True)
