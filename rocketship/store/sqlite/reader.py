"""Threads that read a SQLite database while its writer writes.

In the writer's own thread, every step of every run would wait for a search through the history.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from rocketship.store.sqlite.writer import translate

T = TypeVar("T")
#: Searches at once; each takes a core.
READERS = 2


class Reader:
    """Runs work that only reads, each on the state of one moment.

    Args:
        connect: Opens a connection, in the thread that uses it.
        path: The database, to be named in errors.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], path: Path) -> None:
        self._connect = connect
        self._path = path
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="rocketship-reader")
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def perform(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what work returns.

        Raises:
            StoreError: The database cannot be read.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work)

    def close(self) -> None:
        """Break off what is being read, and close the connections."""
        for connection in self._connections:
            connection.interrupt()
        self._threads.shutdown()
        while self._connections:
            self._connections.pop().close()

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                if connection.in_transaction:  # some failures have ended it already
                    connection.execute("ROLLBACK")
        except (sqlite3.Error, OSError) as error:
            raise translate(error, self._path) from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
            self._connections.append(connection)
        return connection
