"""The store of one machine: a SQLite file that several processes may share."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from rocketship.run.events import Recorded, decode
from rocketship.run.spec import RunSpec
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
from rocketship.store.sqlite.listing import list_rows
from rocketship.store.sqlite.migrate import migrate, write_ahead
from rocketship.store.sqlite.reader import Reader
from rocketship.store.sqlite.rows import (
    COLUMNS,
    add_events,
    append_batches,
    create_run,
    read_spec,
    to_record,
)
from rocketship.store.sqlite.writer import BUSY_SECONDS, Writer, translate
from rocketship.store.writes import Writes

T = TypeVar("T")
#: A run takes its events along, of which there may be thousands, and every step waits meanwhile.
RUNS_AT_ONCE = 5
#: Events of more text than this go to the writer's thread.
MAX_AT_ONCE_CHARACTERS = 64 << 10
#: How often a run that another process carries out is looked at.
POLL_SECONDS = 0.25
FILE_NAME = "history.db"
#: Written for a moment, to see whether there is room for a run of the usual size.
SPARE_FILE = "history.db-spare"
SPARE_BYTES = 256 << 10
_SWEEP = (
    "DELETE FROM run WHERE id IN (SELECT id FROM run WHERE ended_at < ? ORDER BY ended_at LIMIT ?)"
)


class _Bell:
    """Rings for what this process adds; another one's is looked for once in a while."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._rung.wait()
        self._rung.clear()


class SqliteStore:
    """A RunStore in one file.

    Args:
        path: The database file; created with its folder when missing.
        full_sync: Survive a crash of the operating system too, not only of this process.
    """

    def __init__(self, path: Path, *, full_sync: bool = False) -> None:
        self._path = path
        self._full_sync = full_sync
        self._writer = Writer(self._open, path, quick=not full_sync)
        self._reader = Reader(self._connect, path)
        self._appender = Appender(self._append)
        self._writes = Writes()
        self._made: asyncio.Future[None] | None = None
        self._bells: dict[str, set[_Bell]] = {}

    async def create_run(self, new: NewRun) -> str:
        with self._writes:
            return await self._writer.submit(lambda connection: create_run(connection, new))

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

    async def add(
        self, run_id: str, events: Sequence[KeyedEvent], end: RunRecord | None = None
    ) -> list[Recorded]:
        with self._writes:
            added = await self._writer.submit(
                lambda connection: add_events(connection, run_id, events, end)
            )
        for bell in self._bells.get(run_id, ()):
            bell.ring()
        return added

    @contextmanager
    def listen(self, run_id: str) -> Iterator[Bell]:
        bell = _Bell()
        bells = self._bells.setdefault(run_id, set())
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)
            if not bells:
                self._bells.pop(run_id, None)

    def tell_of_others(self, listener: Callable[[str], None]) -> None:
        """Those who share a file do not hear each other."""

    async def events(self, run_id: str, after_seq: int = 0, limit: int = 1000) -> list[Recorded]:
        def work(connection: sqlite3.Connection) -> list[tuple[int, str]]:
            return connection.execute(
                "SELECT seq, body FROM event WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?",
                (run_id, after_seq, limit),
            ).fetchall()

        rows = await self._read(work)
        return [Recorded(seq, decode(json.loads(body))) for seq, body in rows]

    async def find(self, prefix: str) -> list[RunRecord]:
        def work(connection: sqlite3.Connection) -> list[RunRecord]:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM run WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 10",
                (prefix, prefix + "\U0010ffff"),
            )
            return [to_record(row) for row in rows]

        return await self._writer.submit(work)

    async def list_runs(self, query: RunFilter) -> RunPage:
        return await self._read(lambda connection: _list_runs(connection, query))

    async def spec(self, run_id: str) -> tuple[RunSpec, bytes]:
        return await self._writer.submit(lambda connection: read_spec(connection, run_id))

    async def load_unit(self, run_id: str, unit: str) -> UnitCheckpoint | None:
        def work(connection: sqlite3.Connection) -> UnitCheckpoint | None:
            row = connection.execute(
                "SELECT unit, attempt, state FROM unit WHERE run_id = ? AND unit = ?",
                (run_id, unit),
            ).fetchone()
            return UnitCheckpoint(*row) if row else None

        return await self._writer.submit(work)

    async def attempts(self, run_id: str, prefix: str) -> dict[str, int]:
        def work(connection: sqlite3.Connection) -> dict[str, int]:
            rows = connection.execute(
                "SELECT unit, attempt FROM unit WHERE run_id = ? AND unit >= ? AND unit < ?",
                (run_id, prefix, prefix + "\U0010ffff"),
            )
            return dict(rows.fetchall())

        return await self._writer.submit(work)

    async def unfinished(self) -> list[RunRecord]:
        def work(connection: sqlite3.Connection) -> list[RunRecord]:
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM run WHERE ended_at IS NULL ORDER BY id"
            )
            return [to_record(row) for row in rows]

        return await self._writer.submit(work)

    async def adopt(self, old_owner: str, new_owner: str) -> list[str]:
        def work(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute(
                "UPDATE run SET owner = ? WHERE owner = ? AND ended_at IS NULL RETURNING id",
                (new_owner, old_owner),
            )
            return sorted(row[0] for row in rows)

        return await self._writer.submit(work)

    async def delete_run(self, run_id: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM run WHERE id = ?", (run_id,)).rowcount > 0

        return await self._writer.submit(work)

    async def delete_ended_before(self, when: float) -> int:
        def piece(connection: sqlite3.Connection) -> int:
            return connection.execute(_SWEEP, (when, RUNS_AT_ONCE)).rowcount

        total = 0
        while count := await self._writer.submit(piece):
            total += count
        return total

    async def check(self) -> None:
        if not self._writes.failing:
            await self.find(MAX_RUN_ID)
            return
        with self._writes:
            await self._writer.submit(self._try_to_write)

    async def close(self) -> None:
        self._reader.close()
        await self._appender.close()
        await self._writer.close()

    def _append(self, batches: Sequence[Batch]) -> set[str] | asyncio.Future[set[str]]:
        events = [row for batch in batches for row in batch.rows()]

        def work(connection: sqlite3.Connection) -> set[str]:
            return append_batches(connection, batches, events)

        # What several tests bring together is worth a way to the thread, and so is what is large.
        small = sum(len(body) for _, _, body in events) <= MAX_AT_ONCE_CHARACTERS
        alone = len(batches) == 1 and len(batches[0].waiting) == 1
        held = self._writer.at_once(work) if small and alone else None
        return self._writer.submit(work) if held is None else held

    def _try_to_write(self, connection: sqlite3.Connection) -> None:
        # What failed was larger than the page written here, for which there may be room in the log.
        spare = self._path.with_name(SPARE_FILE)
        try:
            spare.write_bytes(bytes(SPARE_BYTES))
        except OSError as error:
            raise translate(error, self._path) from None
        finally:
            spare.unlink(missing_ok=True)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version = {version}")

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do what may take long beside the writer, once that has made what there is to read."""
        if self._made is None:
            self._made = self._writer.submit(lambda _: None)
        await asyncio.shield(self._made)
        return await self._reader.perform(work)

    def _open(self) -> sqlite3.Connection:
        """Return the writer's connection, to a database that is there and up to date."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._path.exists():
            # Results may hold personal data of the system under test: nobody else reads them.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = self._connect()
        try:
            write_ahead(connection)
            connection.execute(f"PRAGMA synchronous = {'FULL' if self._full_sync else 'NORMAL'}")
            connection.execute("PRAGMA foreign_keys = ON")
            migrate(connection, self._path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )


def _list_runs(connection: sqlite3.Connection, query: RunFilter) -> RunPage:
    rows, total, cursor = list_rows(connection, query, COLUMNS)
    return RunPage(tuple(map(to_record, rows)), total, cursor)
