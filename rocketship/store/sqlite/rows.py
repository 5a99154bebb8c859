"""The statements that write runs, and read one, on whichever connection they are given."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from rocketship.errors import NotFound
from rocketship.run.events import Event, Recorded, encode
from rocketship.run.result import Totals
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.store.appending import Batch
from rocketship.store.base import KeyedEvent, NewRun, RunRecord
from rocketship.store.codec import decode_spec, encode_spec, storable
from rocketship.store.filters import ORIGINS, origins, searched, searched_at_end
from rocketship.values import Json, to_ascii_json

#: Rows inserted by one statement: as many as fit with room below the limit of 32,766 values.
ROWS_AT_ONCE = 500
#: What `to_record` takes.
COLUMNS = (
    "id, suite, file, status, created_at, ended_at, duration_seconds, message, totals, context,"
    " owner"
)
_ORIGINS = ", ".join(f"from_{name}" for name in ORIGINS)
_KNOWN_KEYS = "SELECT key FROM event WHERE run_id = ? AND key IN (SELECT value FROM json_each(?))"
#: One statement for any number of events: after each, this thread would wait for its turn.
_ADD_EVENTS = """
    INSERT INTO event (run_id, seq, key, body)
    SELECT ?, ? + item.key, json_extract(item.value, '$[0]'), json_extract(item.value, '$[1]')
    FROM json_each(?) AS item
"""


def create_run(connection: sqlite3.Connection, new: NewRun) -> str:
    """Store a run and return its id; an idempotency key seen before returns the earlier id."""
    record = new.record
    if new.idempotency_key:
        row = connection.execute(
            "SELECT id FROM run WHERE idempotency_key = ?", (new.idempotency_key,)
        ).fetchone()
        if row:
            return str(row[0])
    connection.execute(
        f"INSERT INTO run (id, idempotency_key, suite, file, status, created_at, totals, context,"
        f" owner, spec, source, secrets, searched, {_ORIGINS})"
        f" VALUES ({', '.join('?' * (13 + len(ORIGINS)))})",
        (
            record.id,
            new.idempotency_key or None,
            storable(record.suite),
            storable(record.file),
            record.status.value,
            record.created_at,
            json.dumps(asdict(record.totals)),
            to_ascii_json(record.context),
            record.owner,
            encode_spec(new.spec),
            new.spec.source,
            new.secrets,
            storable(searched(record)),
            *map(storable, origins(record.context)),
        ),
    )
    connection.execute(
        "INSERT OR IGNORE INTO suite_name VALUES (?, ?)",
        (storable(record.suite), storable(record.suite.lower())),
    )
    connection.executemany(
        "INSERT INTO run_file VALUES (?, ?, ?)",
        [(record.id, path, body) for path, body in new.spec.files.items()],
    )
    connection.executemany(
        "INSERT INTO event (run_id, seq, body) VALUES (?, ?, ?)",
        [(record.id, seq, to_ascii_json(encode(event))) for seq, event in enumerate(new.events, 1)],
    )
    return record.id


def append_batches(
    connection: sqlite3.Connection, batches: Sequence[Batch], rows: Sequence[tuple[str, int, str]]
) -> set[str]:
    """Store batches and their events, and return the runs that are their owners'."""
    held = [batch for batch in batches if _owns(connection, batch)]
    known = {batch.run_id for batch in held}
    _insert(
        connection,
        "INSERT OR IGNORE INTO event (run_id, seq, body)",
        [row for row in rows if row[0] in known],
    )
    _insert(
        connection,
        "INSERT OR REPLACE INTO unit (run_id, unit, attempt, state)",
        [
            (batch.run_id, unit.unit, unit.attempt, unit.state)
            for batch in held
            for unit in batch.units.values()
        ],
    )
    for batch in held:
        if batch.end is not None:
            _end_run(connection, batch.end)
    return known


def _owns(connection: sqlite3.Connection, batch: Batch) -> bool:
    found = connection.execute("SELECT owner FROM run WHERE id = ?", (batch.run_id,)).fetchone()
    return found is not None and batch.owner in ("", found[0])


def _insert(connection: sqlite3.Connection, head: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows by one statement: after each, this thread would wait for its turn."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        row = f"({', '.join('?' * len(some[0]))})"
        values = ", ".join([row] * len(some))
        connection.execute(f"{head} VALUES {values}", [value for row in some for value in row])


def add_events(
    connection: sqlite3.Connection,
    run_id: str,
    events: Sequence[KeyedEvent],
    end: RunRecord | None,
) -> list[Recorded]:
    """Store events under the run's next numbers, and return those that are new."""
    going_on = "SELECT 1 FROM run WHERE id = ? AND ended_at IS NULL"
    if not connection.execute(going_on, (run_id,)).fetchone():
        return []
    last = "SELECT coalesce(max(seq), 0) FROM event WHERE run_id = ?"
    seq = int(connection.execute(last, (run_id,)).fetchone()[0])
    fresh: dict[str, Event] = {}
    for item in events:
        fresh.setdefault(item.key, item.event)
    for (key,) in connection.execute(_KNOWN_KEYS, (run_id, to_ascii_json(list(fresh)))).fetchall():
        del fresh[key]
    rows: list[Json] = [[key, to_ascii_json(encode(event))] for key, event in fresh.items()]
    connection.execute(_ADD_EVENTS, (run_id, seq + 1, to_ascii_json(rows)))
    if end is not None:
        _end_run(connection, end)
    return [Recorded(number, event) for number, event in enumerate(fresh.values(), seq + 1)]


def _end_run(connection: sqlite3.Connection, end: RunRecord) -> None:
    connection.execute(
        "UPDATE run SET status = ?, ended_at = ?, duration_seconds = ?, message = ?, totals = ?,"
        " searched = searched || ?, end_key = ?, duration_key = ?, secrets = x''"
        " WHERE id = ? AND ended_at IS NULL",
        (
            end.status.value,
            end.ended_at,
            end.duration_seconds,
            storable(end.message),
            json.dumps(asdict(end.totals)),
            storable(searched_at_end(end.message)),
            end.ended_at,
            end.duration_seconds,
            end.id,
        ),
    )
    connection.execute("DELETE FROM unit WHERE run_id = ?", (end.id,))


def to_record(row: tuple[Any, ...]) -> RunRecord:
    """Return the record that a row of `COLUMNS` is."""
    record = RunRecord(*row)
    return replace(
        record,
        status=Status(record.status),
        totals=Totals(**json.loads(row[8])),
        context=json.loads(row[9]),
    )


def read_spec(connection: sqlite3.Connection, run_id: str) -> tuple[RunSpec, bytes]:
    """Return what was to be run, and the sealed secrets.

    Raises:
        NotFound: There is no such run.
    """
    row = connection.execute(
        "SELECT spec, source, secrets FROM run WHERE id = ?", (run_id,)
    ).fetchone()
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    files = connection.execute("SELECT path, body FROM run_file WHERE run_id = ?", (run_id,))
    return decode_spec(row[0], row[1], dict(files.fetchall())), row[2]
