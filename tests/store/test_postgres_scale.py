"""A hundred thousand runs and a million events: every question has an index, and is answered fast.

The rows are made by PostgreSQL itself, and most of the events belong to a few runs, as in life.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import product
from typing import Any

import psycopg
import pytest

from rocketship.run.ids import ALPHABET
from rocketship.store.base import ORDERS, RunFilter
from rocketship.store.postgres import listing
from rocketship.store.postgres.migrate import migrations
from tests.fixtures.postgres import Cluster
from tests.store.test_postgres import postgres_store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RUNS = 100_000
EVENTS = 1_000_000
#: A run with very many events.
LARGE = "01" + "0" * 19 + "00001"
QUESTIONS = (
    f"SELECT * FROM event WHERE run_id = '{LARGE}' AND seq > 200000 ORDER BY seq LIMIT 9",
    f"SELECT max(seq) FROM event WHERE run_id = '{LARGE}'",
    f"SELECT * FROM run WHERE id >= '{LARGE[:9]}' AND id < '{LARGE[:9]}z' ORDER BY id DESC LIMIT 9",
    "SELECT * FROM run WHERE ended_at IS NULL ORDER BY id",
    "SELECT * FROM run WHERE owner = 'engine-1' AND ended_at IS NULL",
    "SELECT id FROM run WHERE ended_at < 3 ORDER BY ended_at LIMIT 100",
    f"DELETE FROM run WHERE id = '{LARGE[:-1]}9'",
)
#: Foreign keys, which are right here, are not checked row by row.
FILL = f"""
SET session_replication_role = replica;
INSERT INTO run (id, suite, file, status, created_at, ended_at, duration_seconds, branch, owner)
SELECT '01' || lpad(n::text, 24, '0'), 'suite ' || n % 500, 'file-' || n % 300 || '.yaml',
    (ARRAY['PASSED', 'FAILED', 'TIMEOUT'])[1 + n % 3], n,
    CASE WHEN n % 1000 > 0 THEN n + 5 END, n % 97, 'branch-' || n % 200, 'engine-' || n % 3
FROM generate_series(1, {RUNS}) AS n;
INSERT INTO suite_name SELECT DISTINCT hashtextextended(suite, 0), suite FROM run;
INSERT INTO event (run_id, seq, body)
SELECT '01' || lpad((1 + n % 4)::text, 24, '0'), n / 4 + 1, '{{"kind":"log_emitted"}}'
FROM generate_series(0, {EVENTS} - 1) AS n;
"""


@pytest.fixture
def filled(postgres_cluster: Cluster, database: str) -> str:
    """The URL of a database that is full of history."""
    assert set(LARGE) <= set(ALPHABET)
    for script in migrations():
        postgres_cluster.execute(script, database)
    postgres_cluster.execute("CREATE TABLE schema_version (version int NOT NULL)", database)
    postgres_cluster.execute(f"INSERT INTO schema_version VALUES ({len(migrations())})", database)
    postgres_cluster.execute(FILL, database)
    postgres_cluster.execute("VACUUM ANALYZE", database)
    return postgres_cluster.url(database)


def plan(url: str, statement: Any, values: Any = None) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT json) {_text(statement, connection)}", values)
        ((found,),) = cursor.fetchall()
    result: dict[str, Any] = found[0]
    return result


def _text(statement: Any, connection: psycopg.Connection[Any]) -> str:
    return statement if isinstance(statement, str) else statement.as_string(connection)


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def scans(found: dict[str, Any]) -> set[str]:
    """Return how the tables are read, but for the one of names, which is small."""
    return {
        node["Node Type"]
        for node in nodes(found["Plan"])
        if "Scan" in node["Node Type"] and node.get("Relation Name") != "suite_name"
    }


def pages() -> Iterator[RunFilter]:
    """Yield every list: filtered or not, in any order, from its start and from within."""
    cursors = {"started_at": LARGE, "ended_at": f"{LARGE}-50000.0", "duration": f"{LARGE}-50.0"}
    filters = ({"status": "failed"}, {"branch": "branch-7"}, {"file": "file-3.yaml"})
    for given in ({}, *filters, {"suite": "suite 44"}, {"suite_name": "suite 44"}):
        for order_by, ascending in product(ORDERS, (False, True)):
            for cursor in ("", cursors[order_by]):
                options: dict[str, Any] = {"order_by": order_by, "ascending": ascending, **given}
                yield RunFilter(**options, cursor=cursor)


def test_everything_asked_of_a_large_history_is_read_from_an_index(filled: str) -> None:
    statements: list[tuple[Any, Any]] = [listing.statements(query)[1] for query in pages()]
    statements += [(question, None) for question in QUESTIONS]

    plans = [(statement, plan(filled, *statement)) for statement in statements]

    assert [statement for statement, found in plans if "Seq Scan" in scans(found)] == []
    asyncio.run(list_all(filled))


async def list_all(url: str) -> None:
    """Ask for the lists that people ask for; `bench/history.py` measures how long they take."""
    queries = [
        RunFilter(),
        RunFilter(cursor=LARGE, ascending=True),
        RunFilter(order_by="ended_at"),
        RunFilter(status="failed"),
        RunFilter(branch="branch-7", order_by="duration"),
        RunFilter(suite="suite 44"),
    ]
    async with postgres_store(url) as store:
        for query in queries:
            page = await store.list_runs(query)
            assert len(page.runs) == query.limit
