"""Which engines live, whose runs may be taken over, and which runs are to be cancelled.

An engine lives as long as it says so. The times are those of the database's clock, and a database
that was away itself gives everybody the time to say so again.
"""

from __future__ import annotations

from rocketship.dataclass import dataclass
from rocketship.store.base import RunRecord
from rocketship.store.postgres.database import Connection, Database
from rocketship.store.postgres.listener import CHANNEL, ENGINES
from rocketship.store.postgres.rows import COLUMNS, read_run, text

#: How long an engine is taken to be alive after it was last heard of.
LEASE_SECONDS = 6.0
#: Runs adopted at once, so that the engines that are left share the work.
MAX_ADOPTED = 50
#: Whoever holds this lock adopts.
ADOPTION_LOCK = 0x61646F7074
_BEAT = "UPDATE engine SET seen_at = now() WHERE name = %s"
_BURY = """
DELETE FROM engine WHERE name <> %(me)s
    AND greatest(seen_at, pg_postmaster_start_time()) < now() - %(lease)s * interval '1 second'
"""
_ADOPT = f"""
UPDATE run SET owner = %(me)s WHERE id IN (
    SELECT id FROM run WHERE ended_at IS NULL AND owner <> ''
        AND NOT EXISTS (SELECT FROM engine WHERE name = run.owner)
    ORDER BY id LIMIT %(limit)s
) RETURNING {COLUMNS}
"""
_CANCEL = """
UPDATE run SET cancel_reason = coalesce(cancel_reason, %s), cancel_force = cancel_force OR %s
WHERE id = %s AND ended_at IS NULL
"""
_MINE = """
SELECT id, cancel_reason, cancel_force FROM run WHERE owner = %s AND ended_at IS NULL ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A run an engine holds; `cancel` is the reason once somebody wants it cancelled."""

    run_id: str
    cancel: str | None
    force: bool


class Leases:
    """The leases of all engines of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, name: str) -> None:
        """Begin to live under a new name."""

        async def work(connection: Connection) -> None:
            await connection.execute(
                "INSERT INTO engine (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,)
            )

        await self._database.perform(work)

    async def renew(self, name: str) -> bool:
        """Say that an engine lives; return whether it was not yet given up by another."""

        async def work(connection: Connection) -> bool:
            return (await connection.execute(_BEAT, (name,))).rowcount > 0

        return await self._database.perform(work)

    async def give_up(self, name: str) -> None:
        """Leave an engine's runs to the others, at once."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute("DELETE FROM engine WHERE name = %s", (name,))
                await _call(connection)

        await self._database.perform(work)

    async def adopt(self, name: str) -> list[RunRecord]:
        """Take over runs of engines that live no more; of several that try, one succeeds."""

        async def work(connection: Connection) -> list[RunRecord]:
            async with connection.transaction():
                cursor = await connection.execute(
                    "SELECT pg_try_advisory_xact_lock(%s)", (ADOPTION_LOCK,)
                )
                if await cursor.fetchone() == (False,):
                    return []
                values = {"me": name, "lease": LEASE_SECONDS, "limit": MAX_ADOPTED}
                await connection.execute(_BURY, values)
                rows = await (await connection.execute(_ADOPT, values)).fetchall()
            return [read_run(row) for row in rows]

        return await self._database.perform(work)

    async def held(self, name: str) -> list[Held]:
        """Return the runs of an engine that have not ended."""

        async def work(connection: Connection) -> list[Held]:
            rows = await (await connection.execute(_MINE, (name,))).fetchall()
            return [Held(*row) for row in rows]

        return await self._database.perform(work)

    async def ask_to_cancel(self, run_id: str, *, reason: str, force: bool) -> None:
        """Note that a run is to be cancelled, for whichever engine holds it now or later."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_CANCEL, (text(reason), force, run_id))
                await _call(connection)

        await self._database.perform(work)


async def _call(connection: Connection) -> None:
    await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, ENGINES))
