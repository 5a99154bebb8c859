"""Pages of runs in SQLite, of which nothing is read but an index and the runs that are shown.

Each order has an index with everything that lists filter by, and one more has the texts to search
in, too. So a list costs at most a look through one of them, which is narrow, while the runs
themselves hold whole suites.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from rocketship.run.ids import is_run_id_prefix
from rocketship.store.base import RunFilter
from rocketship.store.codec import read_cursor, storable, write_cursor
from rocketship.store.filters import ORIGINS

#: What runs are ordered by. Of a run that goes on, neither its end nor its duration is known; it
#: counts as later and longer than all others.
ORDER_KEYS = {
    "started_at": ("id",),
    "ended_at": ("end_key", "id"),
    "duration": ("duration_key", "id"),
}
_INDEXES = {"started_at": "run_by_start", "ended_at": "run_by_end", "duration": "run_by_duration"}
_SUITE = "suite IN (SELECT name FROM suite_name WHERE instr(folded, ?) > 0)"


def list_rows(
    connection: sqlite3.Connection, query: RunFilter, columns: str
) -> tuple[list[tuple[Any, ...]], int, str]:
    """Return the columns of a page of runs, how many match in all, and the cursor after the page.

    Raises:
        UsageError: The cursor is none that a page came with.
    """
    count, page = statements(query, columns)
    (total,) = connection.execute(*count).fetchone()
    rows = connection.execute(*page).fetchall() if total else []
    shown, keys = rows[: query.limit], ORDER_KEYS[query.order_by]
    cursor = write_cursor(shown[-1][-len(keys) :]) if len(rows) > query.limit else ""
    return [row[: -len(keys)] for row in shown], total, cursor


def statements(
    query: RunFilter, columns: str
) -> tuple[tuple[str, list[Any]], tuple[str, list[Any]]]:
    """Return what counts the runs that match, and what reads a page of them, with their values."""
    conditions, values = _conditions(query)
    source = f"run INDEXED BY {'run_searched' if query.text else _INDEXES[query.order_by]}"
    where = " AND ".join(conditions) or "1"
    count = f"SELECT count(*) FROM {source} WHERE {where}" if conditions else _COUNT_ALL
    keys = ORDER_KEYS[query.order_by]
    seek, more = where, list(values)
    if query.cursor:
        seek += f" AND ({', '.join(keys)}) {'>' if query.ascending else '<'}"
        seek += f" ({', '.join('?' for _ in keys)})"
        more += read_cursor(query.cursor, keys)
    direction = "ASC" if query.ascending else "DESC"
    order = ", ".join(f"{key} {direction}" for key in keys)
    page = (
        f"SELECT {columns}, {', '.join(keys)} FROM run"
        f" WHERE id IN (SELECT id FROM {source} WHERE {seek} ORDER BY {order} LIMIT ?)"
        f" ORDER BY {order}"
    )
    return (count, values), (page, [*more, query.limit + 1])


#: Any index will do; the database takes the smallest.
_COUNT_ALL = "SELECT count(*) FROM run"


def _conditions(query: RunFilter) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []

    def add(condition: str, *wanted: str) -> None:
        conditions.append(condition)
        values.extend(map(storable, wanted))

    if query.status:
        add("status = ?", query.status.upper())
    if query.suite:
        add(_SUITE, query.suite.lower())
    if query.suite_name:
        add("suite = ?", query.suite_name)
    if query.file:
        add("file = ?", query.file)
    if text := query.text.lower():
        if is_run_id_prefix(text):
            add("(instr(searched, ?) > 0 OR substr(id, 1, length(?)) = ?)", text, text, text)
        else:
            add("instr(searched, ?) > 0", text)
    for name in ORIGINS:
        if wanted := getattr(query, name):
            add(f"from_{name} = ?", wanted.lower())
    return conditions, values
