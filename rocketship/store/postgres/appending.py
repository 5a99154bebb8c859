"""What runs append, in order: for each run one transaction at a time, with all that waits for it.

A reader on another connection asks for what follows the last event it knows, so a later event must
never become visible before an earlier one. And a hundred tests of a run that finish a step at the
same time share one commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field

from rocketship.dataclass import dataclass
from rocketship.errors import StoreError
from rocketship.run.events import Recorded, encode
from rocketship.store.base import RunRecord, UnitCheckpoint, disowned
from rocketship.store.codec import storable
from rocketship.store.postgres.database import OUTAGE_SECONDS, Connection, Database
from rocketship.store.postgres.listener import CHANNEL
from rocketship.store.postgres.rows import end_run
from rocketship.values import to_ascii_json

#: Events in one transaction; more wait for the next.
MAX_BATCH = 1000
#: The run's row is locked until the commit, so that it cannot be adopted in between; a run that has
#: been adopted before gives no row, and then nothing is stored.
_APPEND = """
WITH held AS (
    SELECT id FROM run WHERE id = %(run)s AND (%(owner)s = '' OR owner = %(owner)s)
    FOR NO KEY UPDATE
), events AS (
    INSERT INTO event (run_id, seq, body)
    SELECT held.id, item.seq, item.body
    FROM held, unnest(%(seqs)s::bigint[], %(bodies)s::text[]) AS item (seq, body)
    ON CONFLICT DO NOTHING
), units AS (
    INSERT INTO unit (run_id, unit, attempt, state)
    SELECT held.id, item.unit, item.attempt, item.state
    FROM held, unnest(%(units)s::text[], %(attempts)s::int[], %(states)s::bytea[])
        AS item (unit, attempt, state)
    ON CONFLICT (run_id, unit) DO UPDATE SET attempt = excluded.attempt, state = excluded.state
)
SELECT pg_notify(%(channel)s, held.id) FROM held
"""


@dataclass(slots=True)
class Batch:
    """What is to be appended to a run together, and who waits for it."""

    owner: str
    events: list[Recorded] = field(default_factory=list)
    units: dict[str, UnitCheckpoint] = field(default_factory=dict)
    end: RunRecord | None = None
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def takes(self, owner: str) -> bool:
        """Return whether more may join: from the same owner, before the end, not too much."""
        return owner == self.owner and self.end is None and len(self.events) < MAX_BATCH


class Appender:
    """Appends to runs through a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batches: dict[str, deque[Batch]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

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
        batches = self._batches.get(run_id)
        if batches is None:
            batches = self._batches[run_id] = deque()
            task = asyncio.create_task(self._work(run_id, batches), name=f"append-{run_id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if not batches or not batches[-1].takes(owner):
            batches.append(Batch(owner))
        batch = batches[-1]
        batch.events += events
        if unit is not None:
            batch.units[unit.unit] = unit
        batch.end = end
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        batch.waiting.append(future)
        return future

    async def close(self) -> None:
        """Finish what was taken."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _work(self, run_id: str, batches: deque[Batch]) -> None:
        while batches:
            batch = batches.popleft()
            error: StoreError | None = None
            try:
                await self._database.perform(_write(run_id, batch), patience=OUTAGE_SECONDS)
            except StoreError as failure:
                error = failure
            for future in batch.waiting:
                if future.done():
                    continue
                if error is not None:
                    future.set_exception(error)
                else:
                    future.set_result(None)
        # Nothing was awaited since the queue was seen to be empty.
        del self._batches[run_id]


def _write(run_id: str, batch: Batch) -> Callable[[Connection], Awaitable[None]]:
    units = list(batch.units.values())
    values = {
        "run": run_id,
        "owner": batch.owner,
        "seqs": [item.seq for item in batch.events],
        "bodies": [to_ascii_json(encode(item.event)) for item in batch.events],
        "units": [storable(item.unit) for item in units],
        "attempts": [item.attempt for item in units],
        "states": [item.state for item in units],
        "channel": CHANNEL,
    }

    async def work(connection: Connection) -> None:
        if batch.end is None:
            await _append(connection, run_id, values)
            return
        async with connection.transaction():
            await _append(connection, run_id, values)
            await end_run(connection, batch.end)

    return work


async def _append(connection: Connection, run_id: str, values: Mapping[str, object]) -> None:
    cursor = await connection.execute(_APPEND, values)
    if not await cursor.fetchone():
        raise disowned(run_id)
