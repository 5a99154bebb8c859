"""Runs as rows: how they are written when they begin and end, and read again."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, cast

from rocketship.run.events import encode
from rocketship.run.result import Totals
from rocketship.run.status import Status
from rocketship.store.base import NewRun, RunRecord
from rocketship.store.codec import encode_spec, storable
from rocketship.store.filters import ORIGINS, origins, searched, searched_at_end
from rocketship.store.postgres.database import Connection
from rocketship.values import to_ascii_json

COLUMNS = (
    "id, suite, file, status, created_at, ended_at, duration_seconds, message, totals, context,"
    " owner"
)
_CREATE = f"""
INSERT INTO run (id, idempotency_key, suite, file, status, created_at, totals, context, owner,
    searched, {", ".join(ORIGINS)})
VALUES ({", ".join(["%s"] * (10 + len(ORIGINS)))})
ON CONFLICT DO NOTHING
"""
_NAME_SUITE = """
INSERT INTO suite_name VALUES (hashtextextended(%s, 0), %s) ON CONFLICT DO NOTHING
"""
_END = """
UPDATE run SET status = %s, ended_at = %s, duration_seconds = %s, message = %s, totals = %s,
    searched = searched || %s
WHERE id = %s AND ended_at IS NULL
"""


def text(value: str) -> str:
    """Return a text that PostgreSQL can store: it has no place for the character zero."""
    return storable(value).replace("\0", "\\x00")


def read_run(row: tuple[Any, ...]) -> RunRecord:
    """Return the run of a row with the COLUMNS."""
    head, totals, context, owner = row[:8], row[8], row[9], row[10]
    run_id, suite, file, status, created_at, ended_at, duration, message = head
    return RunRecord(
        run_id,
        suite,
        file,
        Status(status),
        created_at,
        ended_at,
        duration,
        message,
        Totals(**json.loads(totals)),
        json.loads(context),
        owner,
    )


async def create_run(connection: Connection, new: NewRun) -> str:
    """Store a run; return its id, or that of the run which has its idempotency key already."""
    async with connection.transaction():
        if not await _insert(connection, new):
            # Our own id is there when the answer to an earlier try was lost.
            cursor = await connection.execute(
                "SELECT id FROM run WHERE id = %s OR idempotency_key = %s",
                (new.record.id, text(new.idempotency_key) or None),
            )
            row = cast(tuple[str], await cursor.fetchone())
            return row[0]
        await _insert_content(connection, new)
    return new.record.id


async def end_run(connection: Connection, end: RunRecord) -> None:
    """Record the end of a run, and remove what only a run that goes on needs."""
    totals = json.dumps(asdict(end.totals))
    values = (end.status.value, end.ended_at, end.duration_seconds, text(end.message), totals)
    await connection.execute(_END, (*values, text(searched_at_end(end.message)), end.id))
    await connection.execute("UPDATE run_spec SET secrets = '' WHERE run_id = %s", (end.id,))
    await connection.execute("DELETE FROM unit WHERE run_id = %s", (end.id,))


async def _insert(connection: Connection, new: NewRun) -> bool:
    record = new.record
    cursor = await connection.execute(
        _CREATE,
        (
            record.id,
            text(new.idempotency_key) or None,
            text(record.suite),
            text(record.file),
            record.status.value,
            record.created_at,
            json.dumps(asdict(record.totals)),
            to_ascii_json(record.context),
            record.owner,
            text(searched(record)),
            *map(text, origins(record.context)),
        ),
    )
    return cursor.rowcount > 0


async def _insert_content(connection: Connection, new: NewRun) -> None:
    run_id, spec, suite = new.record.id, new.spec, new.record.suite
    await connection.execute(_NAME_SUITE, (text(suite), text(suite.lower())))
    await connection.execute(
        "INSERT INTO run_spec (run_id, spec, source, secrets) VALUES (%s, %s, %s, %s)",
        (run_id, encode_spec(spec).encode(), spec.source, new.secrets),
    )
    for path, body in spec.files.items():
        await connection.execute(
            "INSERT INTO run_file (run_id, path, body) VALUES (%s, %s, %s)",
            (run_id, path, body),
        )
    for seq, event in enumerate(new.events, 1):
        await connection.execute(
            "INSERT INTO event (run_id, seq, body) VALUES (%s, %s, %s)",
            (run_id, seq, to_ascii_json(encode(event))),
        )
