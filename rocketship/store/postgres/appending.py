"""What runs append, in order: one transaction at a time, with all that waits for it.

A reader on another connection asks for what follows the last event it knows, so a later event of a
run must never become visible before an earlier one. And a hundred tests that finish a step at the
same time, of whatever runs, share one commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import field

from rocketship.dataclass import dataclass
from rocketship.errors import StoreError
from rocketship.run.events import Recorded, encode
from rocketship.store.base import RunRecord, UnitCheckpoint, disowned
from rocketship.store.codec import storable
from rocketship.store.postgres.database import OUTAGE_SECONDS, Connection, Database
from rocketship.store.postgres.listener import CHANNEL
from rocketship.store.postgres.mail import is_receipt, receipts
from rocketship.store.postgres.rows import end_run
from rocketship.values import to_ascii_json

#: Events in one transaction; more wait for the next.
MAX_EVENTS = 2000
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


@dataclass(slots=True)
class _Batch:
    """What is to be appended to a run together, and who waits for it."""

    run_id: str
    owner: str
    events: list[Recorded] = field(default_factory=list)
    units: dict[str, UnitCheckpoint] = field(default_factory=dict)
    end: RunRecord | None = None
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def takes(self, owner: str) -> bool:
        """Return whether more may join: from the same owner, before the end, not too much."""
        return owner == self.owner and self.end is None and len(self.events) < MAX_EVENTS

    def settle(self, error: StoreError | None) -> None:
        """Tell everybody who waits."""
        for future in self.waiting:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


class Appender:
    """Appends to runs through a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: For each run what is to be appended, oldest first; a run with nothing is not in it.
        self._batches: dict[str, list[_Batch]] = {}
        self._task: asyncio.Task[None] | None = None

    def append(
        self,
        run_id: str,
        events: Sequence[Recorded],
        unit: UnitCheckpoint | None,
        end: RunRecord | None,
        owner: str,
    ) -> Awaitable[None]:
        """Take what is to be appended; the result comes with the commit that contains it.

        Raises (through the result):
            Disowned: The run is not that of the owner.
            StoreError: The database refuses, or was away for too long.
        """
        batches = self._batches.setdefault(run_id, [])
        if not batches or not batches[-1].takes(owner):
            batches.append(_Batch(run_id, owner))
        batch = batches[-1]
        batch.events += events
        if unit is not None:
            batch.units[unit.unit] = unit
        batch.end = end
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        batch.waiting.append(future)
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="rocketship-appender")
        return future

    async def close(self) -> None:
        """Finish what was taken."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _work(self) -> None:
        while batches := self._take():
            try:
                await self._write(batches)
            except StoreError as error:
                if len(batches) == 1:
                    batches[0].settle(error)
                    continue
                # Only whose fault it is shall hear of it.
                for batch in batches:
                    await self._write_alone(batch)
        # Nothing was awaited since nothing was left.
        self._task = None

    def _take(self) -> list[_Batch]:
        """Return the oldest batch of each run, as far as they go together."""
        taken: list[_Batch] = []
        size = 0
        for run_id in list(self._batches):
            batches = self._batches[run_id]
            size += len(batches[0].events)
            if taken and size > MAX_EVENTS:
                break
            taken.append(batches.pop(0))
            if not batches:
                del self._batches[run_id]
        return taken

    async def _write_alone(self, batch: _Batch) -> None:
        try:
            await self._write([batch])
        except StoreError as error:
            batch.settle(error)

    async def _write(self, batches: list[_Batch]) -> None:
        values = _values(batches)

        async def work(connection: Connection) -> set[str]:
            async with connection.transaction():
                rows = await (await connection.execute(_APPEND, values)).fetchall()
                held = {row[0] for row in rows}
                for batch in batches:
                    if batch.end is not None and batch.run_id in held:
                        await end_run(connection, batch.end)
            return held

        held = await self._database.perform(work, patience=OUTAGE_SECONDS)
        for batch in batches:
            batch.settle(None if batch.run_id in held else disowned(batch.run_id))


def _values(batches: list[_Batch]) -> dict[str, object]:
    events = [(batch.run_id, item) for batch in batches for item in batch.events]
    kept = [(batch.run_id, item) for batch in batches for item in batch.units.values()]
    units = [(run_id, item) for run_id, item in kept if not is_receipt(item)]
    return {
        "runs": [batch.run_id for batch in batches],
        "owners": [batch.owner for batch in batches],
        "event_runs": [run_id for run_id, _ in events],
        "seqs": [item.seq for _, item in events],
        "bodies": [to_ascii_json(encode(item.event)) for _, item in events],
        "unit_runs": [run_id for run_id, _ in units],
        "units": [storable(item.unit) for _, item in units],
        "attempts": [item.attempt for _, item in units],
        "states": [item.state for _, item in units],
        "mail": receipts(item for _, item in kept),
        "channel": CHANNEL,
    }
