"""Lists in SQLite: nothing but narrow indexes is looked through, and older files gain them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

from rocketship.store.base import ORDERS, RunFilter
from rocketship.store.sqlite.listing import statements
from rocketship.store.sqlite.schema import MIGRATIONS
from rocketship.store.sqlite.store import FILE_NAME, SqliteStore

FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"status": "failed"},
    {"suite": "shop"},
    {"suite_name": "Shop"},
    {"file": "a.yaml"},
    {"branch": "main", "source": "ci"},
    {"text": "timeout"},
    {"text": "abc", "status": "failed"},
)


def migrate(connection: sqlite3.Connection, first: int, last: int) -> None:
    for script in MIGRATIONS[first:last]:
        for statement in script.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {last}")


def test_lists_look_through_covering_indexes_only() -> None:
    orders = product(ORDERS, (False, True), FILTERS)
    queries = [RunFilter(order_by=order, ascending=up, **more) for order, up, more in orders]

    with closing(sqlite3.connect(":memory:")) as connection:
        migrate(connection, 0, len(MIGRATIONS))
        plans = {
            statement: connection.execute("EXPLAIN QUERY PLAN " + statement, values).fetchall()
            for query in queries
            for statement, values in statements(query, "id, message")
        }

    scans = [row[-1] for plan in plans.values() for row in plan if row[-1].startswith("SCAN run")]
    assert scans
    assert [scan for scan in scans if "USING COVERING INDEX" not in scan] == []


def test_runs_of_an_older_release_are_found(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    migrate(connection, 0, 2)
    connection.execute(
        "INSERT INTO run (id, suite, file, status, created_at, ended_at, duration_seconds, message,"
        " context, spec, source) VALUES ('01a', 'Shop', 'a.yaml', 'FAILED', 1, 2, 1, 'No Stock',"
        """ '{"branch": "Main", "commit": "C0FFEE"}', '{}', x'')"""
    )
    connection.commit()
    connection.close()

    async def main() -> None:
        store = SqliteStore(tmp_path / FILE_NAME)
        for query in (
            RunFilter(suite="shop"),
            RunFilter(branch="MAIN"),
            RunFilter(text="no stock"),
            RunFilter(text="c0ffee", order_by="duration"),
            RunFilter(status="failed", order_by="ended_at"),
        ):
            page = await store.list_runs(query)
            assert [run.id for run in page.runs] == ["01a"], query
        await store.close()

    asyncio.run(main())
