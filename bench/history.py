"""Measures a history in PostgreSQL: events taken in, and lists of a hundred thousand runs.

The server is a private one with the defaults of PostgreSQL, commits that reach the disk included.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter

from row import Row

sys.path.insert(0, str(Path(__file__).parents[1]))

from rocketship.run.events import LogEmitted, Recorded, RunStarted, TestInfo
from rocketship.run.ids import new_run_id
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.store.base import KeyedEvent, NewRun, RunFilter, RunRecord, UnitCheckpoint
from rocketship.store.postgres.store import PostgresStore
from tests.fixtures.postgres import database_at, own_cluster

#: As engines append: many runs at once, a checkpoint with the few events of a step.
RUNS = 50
EVENTS_OF_A_STEP = 4
#: As workers report: what has gathered since the last report.
EVENTS_OF_A_REPORT = 20
STORED_RUNS = 100_000
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


def measure(*, quick: bool) -> None:
    """Print a table of all figures."""
    with own_cluster(fsync="on") as cluster:
        name = cluster.new_database()
        cluster.execute("CHECKPOINT")

        async def main() -> None:
            store = PostgresStore(database_at(cluster.url(name)))
            await store.open()
            try:
                rounds, steps, lists = (3, 20, 100) if quick else (7, 100, 600)
                await _ingest(store, rounds, steps)
                cluster.execute(_FILL, name)
                cluster.execute("VACUUM ANALYZE run", name)
                await _lists(store, lists)
            finally:
                await store.close()

        print("| what | measured | target | |\n|---|--:|--:|---|")
        asyncio.run(main())


async def _ingest(store: PostgresStore, rounds: int, steps: int) -> None:
    reports = steps * EVENTS_OF_A_STEP // EVENTS_OF_A_REPORT
    for name, write, count in (
        ("appended with checkpoints", _append, steps),
        ("added by key", _add, reports),
    ):
        rates = [await _rate(store, write, count, steps) for _ in range(rounds)]
        print(Row(f"events {name}", statistics.median(rates), "/s", 3000, at_least=True))


async def _rate(
    store: PostgresStore,
    write: Callable[[PostgresStore, str, int], Awaitable[None]],
    count: int,
    steps: int,
) -> float:
    run_ids = [await _create(store) for _ in range(RUNS)]
    begun = perf_counter()
    await asyncio.gather(*(write(store, run_id, count) for run_id in run_ids))
    return RUNS * steps * EVENTS_OF_A_STEP / (perf_counter() - begun)


async def _create(store: PostgresStore) -> str:
    record = RunRecord(new_run_id(), "bench", "bench.yaml", Status.RUNNING, 1.0, owner="me")
    return await store.create_run(NewRun(record, RunSpec("bench.yaml", b"name: x"), (_STARTED,)))


async def _append(store: PostgresStore, run_id: str, steps: int) -> None:
    checkpoint = UnitCheckpoint("t-0", 1, b"{}" * 200)
    for step in range(steps):
        first = 2 + step * EVENTS_OF_A_STEP
        events = [Recorded(seq, _EVENT) for seq in range(first, first + EVENTS_OF_A_STEP)]
        await store.append(run_id, events, checkpoint, owner="me")


async def _add(store: PostgresStore, run_id: str, reports: int) -> None:
    for report in range(reports):
        keys = [f"t-0/1/{report}/{number}" for number in range(EVENTS_OF_A_REPORT)]
        await store.add(run_id, [KeyedEvent(key, _EVENT) for key in keys])


async def _lists(store: PostgresStore, count: int) -> None:
    seconds = []
    for number in range(count):
        begun = perf_counter()
        await store.list_runs(_QUERIES[number % len(_QUERIES)])
        seconds.append(perf_counter() - begun)
    name = f"list of {STORED_RUNS} runs"
    print(Row(f"{name}, median", statistics.median(seconds) * 1000, "ms"))
    print(Row(f"{name}, p99", statistics.quantiles(seconds, n=100)[98] * 1000, "ms", 50))
