"""Preparing a history: the write-ahead log, and the newest schema."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from rocketship.errors import StoreError
from rocketship.store.sqlite.schema import MIGRATIONS
from rocketship.store.sqlite.writer import BUSY_SECONDS

#: How long to leave a new database to another process that prepares it, before the next try.
SWITCH_SECONDS = 0.005


def write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; for that alone SQLite does not wait for others by itself.

    Raises:
        sqlite3.OperationalError: It stayed locked.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(SWITCH_SECONDS)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a database to the newest schema.

    Raises:
        StoreError: It was made by a newer program.
    """
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
