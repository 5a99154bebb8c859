"""Removes old runs, by one engine at a time and in pieces that hold up nobody."""

from __future__ import annotations

from rocketship.store.postgres.database import Connection, Database

#: A run takes its events along, of which there may be thousands.
RUNS_AT_ONCE = 20
#: Whoever holds this lock sweeps.
SWEEP_LOCK = 0x7377656570
_SWEEP = """
DELETE FROM run WHERE id IN (
    SELECT id FROM run WHERE ended_at < %s ORDER BY ended_at LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


async def sweep(database: Database, when: float) -> int:
    """Remove runs that ended before a time; return how many, none when another engine does it."""
    total = 0
    while count := await database.perform(lambda connection: _piece(connection, when)):
        total += count
    return total


async def _piece(connection: Connection, when: float) -> int:
    async with connection.transaction():
        cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (SWEEP_LOCK,))
        if await cursor.fetchone() == (False,):
            return 0
        cursor = await connection.execute(_SWEEP, (when, RUNS_AT_ONCE))
        return cursor.rowcount
