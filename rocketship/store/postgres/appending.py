"""Appends to runs in PostgreSQL: one statement for whatever goes together."""

from __future__ import annotations

from collections.abc import Sequence

from rocketship.store.appending import Batch
from rocketship.store.codec import storable
from rocketship.store.postgres.database import OUTAGE_SECONDS, Connection, Database
from rocketship.store.postgres.listener import CHANNEL
from rocketship.store.postgres.mail import is_receipt, receipts
from rocketship.store.postgres.rows import end_run

#: The rows of the runs are locked until the commit, so that none can be adopted in between; a run
#: that has been adopted before gives no row, and then nothing of it is stored.
_APPEND = """
WITH held AS (
    SELECT run.id FROM run JOIN unnest(%(runs)s::text[], %(owners)s::text[]) AS asked (id, owner)
        ON run.id = asked.id AND (asked.owner = '' OR run.owner = asked.owner)
    ORDER BY run.id FOR NO KEY UPDATE OF run
), events AS (
    INSERT INTO event (run_id, seq, body)
    SELECT held.id, item.seq, item.body
    FROM unnest(%(event_runs)s::text[], %(seqs)s::bigint[], %(bodies)s::text[])
        AS item (run, seq, body) JOIN held ON held.id = item.run
    ON CONFLICT DO NOTHING
), units AS (
    INSERT INTO unit (run_id, unit, attempt, state)
    SELECT held.id, item.unit, item.attempt, item.state
    FROM unnest(%(unit_runs)s::text[], %(units)s::text[], %(attempts)s::int[], %(states)s::bytea[])
        AS item (run, unit, attempt, state) JOIN held ON held.id = item.run
    ON CONFLICT (run_id, unit) DO UPDATE SET attempt = excluded.attempt, state = excluded.state
), taken AS (
    DELETE FROM mail USING held WHERE run_id = held.id AND mail.id = ANY(%(mail)s::bigint[])
)
SELECT id, pg_notify(%(channel)s, id) FROM held
"""


async def append(database: Database, batches: Sequence[Batch]) -> set[str]:
    """Store batches in one transaction, and return the runs that are their owners'."""
    values = _values(batches)

    async def work(connection: Connection) -> set[str]:
        async with connection.transaction():
            rows = await (await connection.execute(_APPEND, values)).fetchall()
            held = {row[0] for row in rows}
            for batch in batches:
                if batch.end is not None and batch.run_id in held:
                    await end_run(connection, batch.end)
        return held

    return await database.perform(work, patience=OUTAGE_SECONDS)


def _values(batches: Sequence[Batch]) -> dict[str, object]:
    events = [row for batch in batches for row in batch.rows()]
    kept = [(batch.run_id, item) for batch in batches for item in batch.units.values()]
    units = [(run_id, item) for run_id, item in kept if not is_receipt(item)]
    return {
        "runs": [batch.run_id for batch in batches],
        "owners": [batch.owner for batch in batches],
        "event_runs": [run_id for run_id, _, _ in events],
        "seqs": [seq for _, seq, _ in events],
        "bodies": [body for _, _, body in events],
        "unit_runs": [run_id for run_id, _ in units],
        "units": [storable(item.unit) for _, item in units],
        "attempts": [item.attempt for _, item in units],
        "states": [item.state for _, item in units],
        "mail": receipts(item for _, item in kept),
        "channel": CHANNEL,
    }
