"""The store of one machine: a SQLite file that several processes may share."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from rocketship.errors import NotFound, StoreError
from rocketship.run.events import Event, Recorded, decode, encode
from rocketship.run.result import Totals
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.store.appending import Appender, Batch
from rocketship.store.base import (
    Bell,
    KeyedEvent,
    NewRun,
    RunFilter,
    RunPage,
    RunRecord,
    UnitCheckpoint,
)
from rocketship.store.codec import decode_spec, encode_spec, storable
from rocketship.store.filters import ORIGINS, origins, searched, searched_at_end
from rocketship.store.sqlite.listing import list_rows
from rocketship.store.sqlite.reader import Reader
from rocketship.store.sqlite.schema import MIGRATIONS
from rocketship.store.sqlite.writer import BUSY_SECONDS, Writer
from rocketship.values import Json, to_ascii_json

T = TypeVar("T")
#: A run takes its events along, of which there may be thousands, and every step waits meanwhile.
RUNS_AT_ONCE = 5
#: Events of more text than this go to the writer's thread.
MAX_AT_ONCE_CHARACTERS = 64 << 10
#: How long to leave a new database to another process that prepares it, before the next try.
SWITCH_SECONDS = 0.005
#: Rows inserted by one statement: as many as fit with room below the limit of 32,766 values.
ROWS_AT_ONCE = 500
#: How often a run that another process carries out is looked at.
POLL_SECONDS = 0.25
FILE_NAME = "history.db"
_COLUMNS = (
    "id, suite, file, status, created_at, ended_at, duration_seconds, message, totals, context,"
    " owner"
)
_ORIGINS = ", ".join(f"from_{name}" for name in ORIGINS)
_SWEEP = (
    "DELETE FROM run WHERE id IN (SELECT id FROM run WHERE ended_at < ? ORDER BY ended_at LIMIT ?)"
)
_KNOWN_KEYS = "SELECT key FROM event WHERE run_id = ? AND key IN (SELECT value FROM json_each(?))"
#: One statement for any number of events: after each, this thread would wait for its turn.
_ADD_EVENTS = """
    INSERT INTO event (run_id, seq, key, body)
    SELECT ?, ? + item.key, json_extract(item.value, '$[0]'), json_extract(item.value, '$[1]')
    FROM json_each(?) AS item
"""


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
        self._made: asyncio.Future[None] | None = None
        self._bells: dict[str, set[_Bell]] = {}

    async def create_run(self, new: NewRun) -> str:
        return await self._writer.submit(lambda connection: _create_run(connection, new))

    async def append(
        self,
        run_id: str,
        events: Sequence[Recorded],
        unit: UnitCheckpoint | None = None,
        end: RunRecord | None = None,
        *,
        owner: str = "",
    ) -> None:
        await self._appender.append(run_id, events, unit, end, owner)

    async def add(
        self, run_id: str, events: Sequence[KeyedEvent], end: RunRecord | None = None
    ) -> list[Recorded]:
        added = await self._writer.submit(lambda connection: _add(connection, run_id, events, end))
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
                f"SELECT {_COLUMNS} FROM run WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 10",
                (prefix, prefix + "\U0010ffff"),
            )
            return [_record(row) for row in rows]

        return await self._writer.submit(work)

    async def list_runs(self, query: RunFilter) -> RunPage:
        return await self._read(lambda connection: _list_runs(connection, query))

    async def spec(self, run_id: str) -> tuple[RunSpec, bytes]:
        return await self._writer.submit(lambda connection: _spec(connection, run_id))

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
                f"SELECT {_COLUMNS} FROM run WHERE ended_at IS NULL ORDER BY id"
            )
            return [_record(row) for row in rows]

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

    async def close(self) -> None:
        self._reader.close()
        await self._appender.close()
        await self._writer.close()

    def _append(self, batches: Sequence[Batch]) -> set[str] | asyncio.Future[set[str]]:
        rows = [row for batch in batches for row in batch.rows()]

        def work(connection: sqlite3.Connection) -> set[str]:
            return _append(connection, batches, rows)

        # What several tests bring together is worth a way to the thread, and so is what is large.
        small = sum(len(body) for _, _, body in rows) <= MAX_AT_ONCE_CHARACTERS
        alone = len(batches) == 1 and len(batches[0].waiting) == 1
        held = self._writer.at_once(work) if small and alone else None
        return self._writer.submit(work) if held is None else held

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
        _write_ahead(connection)
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._full_sync else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, self._path)
        return connection

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log, for which SQLite does not wait by itself as it does else."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(SWITCH_SECONDS)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == len(MIGRATIONS):
        return
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the history database {path} has version {version}, newer than this program "
            f"understands ({len(MIGRATIONS)})",
            hint="upgrade rocketship, or use another ROCKETSHIP_DATA_DIR",
        )
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have migrated while this one waited for the lock.
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number in range(version, len(MIGRATIONS)):
        for statement in MIGRATIONS[number].split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.execute("COMMIT")


def _create_run(connection: sqlite3.Connection, new: NewRun) -> str:
    record, spec = new.record, new.spec
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
            encode_spec(spec),
            spec.source,
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
        [(record.id, path, body) for path, body in spec.files.items()],
    )
    connection.executemany(
        "INSERT INTO event (run_id, seq, body) VALUES (?, ?, ?)",
        [(record.id, seq, to_ascii_json(encode(event))) for seq, event in enumerate(new.events, 1)],
    )
    return record.id


def _append(
    connection: sqlite3.Connection, batches: Sequence[Batch], rows: Sequence[tuple[str, int, str]]
) -> set[str]:
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


def _add(
    connection: sqlite3.Connection,
    run_id: str,
    events: Sequence[KeyedEvent],
    end: RunRecord | None,
) -> list[Recorded]:
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


def _list_runs(connection: sqlite3.Connection, query: RunFilter) -> RunPage:
    rows, total, cursor = list_rows(connection, query, _COLUMNS)
    return RunPage(tuple(map(_record, rows)), total, cursor)


def _record(row: tuple[Any, ...]) -> RunRecord:
    record = RunRecord(*row)
    return replace(
        record,
        status=Status(record.status),
        totals=Totals(**json.loads(row[8])),
        context=json.loads(row[9]),
    )


def _spec(connection: sqlite3.Connection, run_id: str) -> tuple[RunSpec, bytes]:
    row = connection.execute(
        "SELECT spec, source, secrets FROM run WHERE id = ?", (run_id,)
    ).fetchone()
    if row is None:
        raise NotFound(f"there is no run {run_id}")
    files = connection.execute("SELECT path, body FROM run_file WHERE run_id = ?", (run_id,))
    return decode_spec(row[0], row[1], dict(files.fetchall())), row[2]
