"""The store of several engines: a PostgreSQL database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import psycopg

from rocketship.errors import NotFound, StoreError
from rocketship.run.events import Recorded, decode, encode
from rocketship.run.spec import RunSpec
from rocketship.settings.database import DatabaseSettings
from rocketship.store.appending import Appender, Batch
from rocketship.store.base import (
    MAX_RUN_ID,
    Bell,
    KeyedEvent,
    NewRun,
    RunFilter,
    RunPage,
    RunRecord,
    UnitCheckpoint,
)
from rocketship.store.codec import decode_spec
from rocketship.store.postgres import rows
from rocketship.store.postgres.appending import append
from rocketship.store.postgres.database import OUTAGE_SECONDS, Connection, Database
from rocketship.store.postgres.leases import Leases
from rocketship.store.postgres.listener import Listener
from rocketship.store.postgres.listing import list_runs
from rocketship.store.postgres.mail import Mail
from rocketship.store.postgres.migrate import migrate
from rocketship.store.postgres.sweeping import sweep
from rocketship.store.sealing import require_key, sealed_check
from rocketship.store.writes import Writes
from rocketship.values import to_ascii_json

#: One that renews the lease, one that looks for runs.
LEASE_CONNECTIONS = 2
#: Of engines that start at once the first one keeps its own; all get that one back.
_KEEP_CHECK = (
    "INSERT INTO encryption_check (sealed) VALUES (%s)"
    " ON CONFLICT (id) DO UPDATE SET sealed = encryption_check.sealed RETURNING sealed"
)


class PostgresStore:
    """A RunStore in PostgreSQL.

    Attributes:
        leases: Which engines live and hold which runs.
        mail: Lines for runs that other engines carry out.
        listener: Where to be called when engines have something to look at.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        self._database = Database(settings)
        # An engine under load must still be able to say that it lives.
        self._aside = Database(settings, max_connections=LEASE_CONNECTIONS)
        self._appender = Appender(self._append)
        self._writes = Writes()
        self.leases = Leases(self._aside)
        self.mail = Mail(self._database)
        self.listener = Listener(self._database)

    async def open(self) -> None:
        """Connect, migrate and listen.

        Raises:
            StoreError: The database does not answer for half a minute, refuses, or is newer.
        """
        await self._database.open()
        try:
            await migrate(self._database)
            await self._aside.open()
        except StoreError:
            await self._database.close()
            raise
        self.listener.start()

    async def check_key(self, key: bytes) -> None:
        """Make sure that the database has been used with this key only.

        Raises:
            StoreError: It was used with another key, or does not answer.
        """

        async def work(connection: Connection) -> bytes:
            cursor = await connection.execute(_KEEP_CHECK, (sealed_check(key),))
            row = await cursor.fetchone()
            assert row is not None
            return bytes(row[0])

        sealed = await self._database.perform(work)
        require_key(
            sealed,
            key,
            f"what is secret in {self._database.place.name}",
            hint="give this engine the ROCKETSHIP_ENCRYPTION_KEY of the others; if that is lost, "
            "stop all engines and run `DELETE FROM encryption_check` in the database: runs of "
            "that time cannot be resumed or rerun",
        )

    async def create_run(self, new: NewRun) -> str:
        with self._writes:
            return await self._database.perform(lambda connection: rows.create_run(connection, new))

    async def append(
        self,
        run_id: str,
        events: Sequence[Recorded],
        unit: UnitCheckpoint | None = None,
        end: RunRecord | None = None,
        *,
        owner: str = "",
    ) -> None:
        with self._writes:
            await self._appender.append(run_id, events, unit, end, owner)

    def _append(self, batches: Sequence[Batch]) -> asyncio.Future[set[str]]:
        return asyncio.create_task(append(self._database, batches), name="rocketship-append")

    async def add(
        self, run_id: str, events: Sequence[KeyedEvent], end: RunRecord | None = None
    ) -> list[Recorded]:
        # Of what comes twice in one report, the first counts.
        once = {rows.text(item.key): item.event for item in reversed(events)}
        keyed = dict(reversed(once.items()))
        bodies = [to_ascii_json(encode(event)) for event in keyed.values()]

        async def work(connection: Connection) -> list[Recorded]:
            cursor = await connection.execute(
                "SELECT seq, key FROM add_events(%s, %s, %s)", (run_id, list(keyed), bodies)
            )
            found = sorted(await cursor.fetchall())
            if end is not None:
                await rows.end_run(connection, end)
            return [Recorded(seq, keyed[key]) for seq, key in found]

        async def whole(connection: Connection) -> list[Recorded]:
            async with connection.transaction():
                return await work(connection)

        with self._writes:
            return await self._database.perform(whole if end else work)

    def listen(self, run_id: str) -> AbstractContextManager[Bell]:
        return self.listener.listen(run_id)

    def tell_of_others(self, listener: Callable[[str], None]) -> None:
        self.listener.on_run = listener

    async def events(self, run_id: str, after_seq: int = 0, limit: int = 1000) -> list[Recorded]:
        async def work(connection: Connection) -> list[Recorded]:
            cursor = await connection.execute(
                "SELECT seq, body FROM event WHERE run_id = %s AND seq > %s ORDER BY seq LIMIT %s",
                (run_id, after_seq, limit),
            )
            return [Recorded(seq, decode(json.loads(body))) async for seq, body in cursor]

        return await self._database.perform(work)

    async def find(self, prefix: str) -> list[RunRecord]:
        values = (prefix, prefix + "\U0010ffff")
        return await self._runs("id >= %s AND id < %s ORDER BY id DESC LIMIT 10", values)

    async def list_runs(self, query: RunFilter) -> RunPage:
        return await self._database.perform(lambda connection: list_runs(connection, query))

    async def spec(self, run_id: str) -> tuple[RunSpec, bytes]:
        async def work(connection: Connection) -> tuple[RunSpec, bytes] | None:
            cursor = await connection.execute(
                "SELECT spec, source, secrets FROM run_spec WHERE run_id = %s", (run_id,)
            )
            row = await cursor.fetchone()
            files = await connection.execute(
                "SELECT path, body FROM run_file WHERE run_id = %s", (run_id,)
            )
            bodies: dict[str, bytes] = dict(await files.fetchall())
            return (decode_spec(row[0], row[1], bodies), row[2]) if row else None

        found = await self._database.perform(work)
        if found is None:
            raise NotFound(f"there is no run {run_id}")
        return found

    async def load_unit(self, run_id: str, unit: str) -> UnitCheckpoint | None:
        async def work(connection: Connection) -> UnitCheckpoint | None:
            cursor = await connection.execute(
                "SELECT unit, attempt, state FROM unit WHERE run_id = %s AND unit = %s",
                (run_id, unit),
            )
            row = await cursor.fetchone()
            return UnitCheckpoint(*row) if row else None

        return await self._database.perform(work, patience=OUTAGE_SECONDS)

    async def attempts(self, run_id: str, prefix: str) -> dict[str, int]:
        async def work(connection: Connection) -> dict[str, int]:
            cursor = await connection.execute(
                "SELECT unit, attempt FROM unit WHERE run_id = %s AND starts_with(unit, %s)",
                (run_id, prefix),
            )
            return dict(await cursor.fetchall())

        return await self._database.perform(work, patience=OUTAGE_SECONDS)

    async def unfinished(self) -> list[RunRecord]:
        return await self._runs("ended_at IS NULL ORDER BY id", ())

    async def adopt(self, old_owner: str, new_owner: str) -> list[str]:
        async def work(connection: Connection) -> list[str]:
            cursor = await connection.execute(
                "UPDATE run SET owner = %s WHERE owner = %s AND ended_at IS NULL RETURNING id",
                (new_owner, old_owner),
            )
            return sorted(row[0] for row in await cursor.fetchall())

        return await self._database.perform(work)

    async def delete_run(self, run_id: str) -> bool:
        async def work(connection: Connection) -> bool:
            cursor = await connection.execute("DELETE FROM run WHERE id = %s", (run_id,))
            return cursor.rowcount > 0

        return await self._database.perform(work)

    async def delete_ended_before(self, when: float) -> int:
        return await sweep(self._database, when)

    async def check(self) -> None:
        if not self._writes.failing:
            await self.find(MAX_RUN_ID)
            return

        async def work(connection: Connection) -> None:
            await connection.execute("UPDATE encryption_check SET sealed = sealed")

        with self._writes:
            await self._database.perform(work)

    def hurry(self) -> None:
        """Wait no longer for a database that is away, as the engine is about to stop."""
        self._database.hurry()

    async def close(self) -> None:
        await self._appender.close()
        await self.listener.close()
        await self._aside.close()
        await self._database.close()

    async def _runs(self, condition: str, values: tuple[str, ...]) -> list[RunRecord]:
        statement = f"SELECT {rows.COLUMNS} FROM run WHERE {condition}"

        async def work(connection: Connection) -> list[RunRecord]:
            query = psycopg.sql.SQL(statement)
            cursor = await connection.execute(query, values)
            return [rows.read_run(row) for row in await cursor.fetchall()]

        return await self._database.perform(work)
