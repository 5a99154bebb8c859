"""Pages of runs: filters, order, and cursors that name the last row instead of counting rows."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from rocketship.run.ids import is_run_id_prefix
from rocketship.store.base import RunFilter, RunPage
from rocketship.store.codec import read_cursor, write_cursor
from rocketship.store.filters import ORIGINS
from rocketship.store.postgres.database import Connection
from rocketship.store.postgres.rows import COLUMNS, read_run, text

#: What runs are ordered by, as their indexes have it. Of a run that goes on, neither its end nor
#: its duration is known; it counts as later and longer than all others.
ORDER_KEYS = {
    "started_at": ("id",),
    "ended_at": ("coalesce(ended_at, 'infinity')", "id"),
    "duration": ("CASE WHEN ended_at IS NULL THEN 'infinity' ELSE duration_seconds END", "id"),
}


async def list_runs(connection: Connection, query: RunFilter) -> RunPage:
    """Return a page of runs and how many match in all.

    Raises:
        UsageError: The cursor is none that a page came with.
    """
    count, page = statements(query)
    cursor = await connection.execute(*count)
    (total,) = await cursor.fetchone() or (0,)
    rows = await (await connection.execute(*page)).fetchall() if total else []
    shown, keys = rows[: query.limit], ORDER_KEYS[query.order_by]
    following = write_cursor(shown[-1][-len(keys) :]) if len(rows) > query.limit else ""
    return RunPage(tuple(read_run(row) for row in shown), total, following)


def statements(query: RunFilter) -> tuple[tuple[sql.SQL, list[Any]], tuple[sql.SQL, list[Any]]]:
    """Return what counts the runs that match, and what reads a page of them, with their values."""
    conditions, values = _conditions(query)
    where = " AND ".join(conditions) or "true"
    count = f"SELECT count(*) FROM run WHERE {where}"
    keys = ORDER_KEYS[query.order_by]
    seek, more = where, list(values)
    if query.cursor:
        seek += f" AND ({', '.join(keys)}) {'>' if query.ascending else '<'}"
        seek += f" ({', '.join('%s' for _ in keys)})"
        more += read_cursor(query.cursor, keys)
    direction = "ASC" if query.ascending else "DESC"
    page = (
        f"SELECT {COLUMNS}, {', '.join(keys)} FROM run WHERE {seek}"
        f" ORDER BY {', '.join(f'{key} {direction}' for key in keys)} LIMIT %s"
    )
    return (_sql(count), values), (_sql(page), [*more, query.limit + 1])


#: As an array, which is looked up in the index, and not joined with every run.
_SUITE = (
    "hashtextextended(suite, 0) = ANY"
    " (ARRAY(SELECT hash FROM suite_name WHERE strpos(folded, %s) > 0))"
)

#: By the index of hashes, and for certain.
_SUITE_NAME = "hashtextextended(suite, 0) = hashtextextended(%s, 0) AND suite = %s"


def _conditions(query: RunFilter) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    if query.status:
        conditions.append("status = %s")
        values.append(text(query.status.upper()))
    if query.suite:
        conditions.append(_SUITE)
        values.append(text(query.suite.lower()))
    if query.suite_name:
        conditions.append(_SUITE_NAME)
        values += [text(query.suite_name)] * 2
    if query.file:
        conditions.append("file = %s")
        values.append(text(query.file))
    if query.text:
        wanted = text(query.text.lower())
        if is_run_id_prefix(wanted):
            conditions.append("(strpos(searched, %s) > 0 OR starts_with(id, %s))")
            values += [wanted, wanted]
        else:
            conditions.append("strpos(searched, %s) > 0")
            values.append(wanted)
    for column in ORIGINS:
        if wanted := getattr(query, column):
            conditions.append(f"{column} = %s AND {column} <> ''")
            values.append(text(wanted).lower())
    return conditions, values


def _sql(statement: str) -> sql.SQL:
    # Made of constants only; every value travels apart.
    return sql.SQL(statement)
