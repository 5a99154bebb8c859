"""One thread that owns a SQLite connection and commits everything waiting in one transaction.

Durability is then nearly free: a hundred tests that finish a step at the same time share one
commit. Work that fails is rolled back to its own savepoint and only its caller hears of it.

A test that runs alone would wait longer for the thread, twice woken for every step, than for the
commit. So small work is done without it, while it has nothing to do and the disk is quick.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from rocketship.dataclass import dataclass
from rocketship.errors import StoreError

#: How long to wait for another process's transaction, and, once that was in vain, for those after
#: it: whoever wants to write then mostly cleans up, and should not wait anew for every step.
BUSY_SECONDS = 15.0
STILL_BUSY_SECONDS = 0.1
#: The size of the log, in pages, at which the thread brings it into the database. That takes long,
#: so nobody else does it.
LOG_PAGES = 1000
#: So much is done at once in a row; the next work goes to the thread, for the sake of the log.
AT_ONCE_IN_A_ROW = 50
#: Work that took longer shows that the disk is slow; for a while all is left to the thread then.
AT_ONCE_SECONDS = 0.005
SLOW_SECONDS = 1.0

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs work on a connection of its own.

    Args:
        connect: Opens the connection, in the thread; its error reaches every caller. It waits
            `BUSY_SECONDS` for others.
        path: The database, to be named in errors.
        quick: Whether a commit is quick enough to be done without the thread.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], path: Path, *, quick: bool
    ) -> None:
        self._connect = connect
        self._path = path
        self._at_once_after = 0.0 if quick else math.inf
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="rocketship-store", daemon=True)
        self._closed = False
        self._patience = BUSY_SECONDS
        self._ended = asyncio.Event()
        self._file: tuple[int, int] | None = None
        # Set by the thread once it is open; from then on the thread uses it for jobs only. Only the
        # event loop brings jobs: when it has heard of the end of all, it may use it itself.
        self._connection: sqlite3.Connection | None = None
        self._unresolved = 0
        self._at_once_in_a_row = 0
        self._thread.start()

    def submit(self, work: Work[T]) -> asyncio.Future[T]:
        """Queue work; the future resolves after the commit that contains it.

        Raises (through the future):
            StoreError: The database refused.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            future.set_exception(StoreError("the history database is closed"))
        else:
            self._unresolved += 1
            self._at_once_in_a_row = 0
            self._jobs.put(_Job(work, future))
        return future

    def at_once(self, work: Work[T]) -> T | None:
        """Do small work and commit it here and now, or return None: then `submit` it."""
        connection, began = self._connection, time.monotonic()
        if connection is None or self._closed or self._unresolved:
            return None
        if began < self._at_once_after or self._at_once_in_a_row == AT_ONCE_IN_A_ROW:
            return None
        if _identity(self._path) != self._file:
            return None
        self._at_once_in_a_row += 1
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except Exception:  # whatever it is: the thread tries again, and knows what to say
            result = None
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if (ended := time.monotonic()) - began > AT_ONCE_SECONDS:
            self._at_once_after = ended + SLOW_SECONDS
        return result

    async def close(self) -> None:
        """Finish what is queued and close the connection."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            await self._ended.wait()
            self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)

    def _work(self) -> None:
        try:
            connection = self._connect()
        except (sqlite3.Error, OSError, StoreError) as error:
            self._refuse_all(translate(error, self._path))
            return
        with closing(connection):
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            self._file = _identity(self._path)
            self._connection = connection
            self._serve(connection)

    def _serve(self, connection: sqlite3.Connection) -> None:
        while batch := self._next_batch():
            if _identity(self._path) == self._file:
                self._commit(connection, batch)
            else:
                self._fail(batch, _gone(self._path))
            self._loop.call_soon_threadsafe(self._resolve, batch)

    def _next_batch(self) -> list[_Job]:
        """Wait for work and take all there is; an empty batch means the end."""
        first = self._jobs.get()
        if first is None:
            return []
        batch = [first]
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)
                break
            batch.append(job)
        return batch

    def _commit(self, connection: sqlite3.Connection, batch: list[_Job]) -> None:
        try:
            self._begin(connection)
            for job in batch:
                self._perform(connection, job)
            with _tidying_the_log(connection):
                connection.execute("COMMIT")
            self._patience = BUSY_SECONDS
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._fail(batch, translate(error, self._path))
            self._patience = STILL_BUSY_SECONDS

    def _begin(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            connection.execute(f"PRAGMA busy_timeout = {round(self._patience * 1000)}")
            try:
                connection.execute("BEGIN IMMEDIATE")
            finally:
                connection.execute("PRAGMA busy_timeout = 0")

    @staticmethod
    def _fail(batch: list[_Job], error: StoreError) -> None:
        for job in batch:
            job.error = job.error or error

    def _perform(self, connection: sqlite3.Connection, job: _Job) -> None:
        connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(connection)
        except Exception as error:  # belongs to the caller of this job, not to the thread
            if not connection.in_transaction:
                raise  # a full disk ends the whole transaction
            connection.execute("ROLLBACK TO job")
            known = isinstance(error, sqlite3.Error)
            job.error = translate(error, self._path) if known else error
        connection.execute("RELEASE job")

    def _refuse_all(self, error: StoreError) -> None:
        while (job := self._jobs.get()) is not None:
            job.error = error
            self._loop.call_soon_threadsafe(self._resolve, [job])

    def _resolve(self, batch: list[_Job]) -> None:
        self._unresolved -= len(batch)
        for job in batch:
            if job.future.done():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)


@contextmanager
def _tidying_the_log(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    try:
        yield
    finally:
        connection.execute("PRAGMA wal_autocheckpoint = 0")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one at the same path, or None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _gone(path: Path) -> StoreError:
    # Writing would seem to succeed, into a file that nobody finds any more.
    return StoreError(
        f"the history database {path} was removed or replaced while it was in use",
        hint="what happened since is not recorded; start the command or the engine anew",
    )


def translate(error: BaseException, path: Path) -> StoreError:
    """Return a failure of a database in the words of this program."""
    if isinstance(error, StoreError):
        return error
    text = str(error)
    if "disk is full" in text or "No space left" in text:
        return StoreError(f"the disk is full: {path}", hint="free some space")
    if "locked" in text:
        return StoreError(
            f"the history database {path} stayed locked by another process",
            hint="wait for the other rocketship process, or use another ROCKETSHIP_DATA_DIR",
        )
    if "readonly" in text or "unable to open" in text or isinstance(error, OSError):
        return StoreError(
            f"the history database {path} cannot be written: {text}",
            hint="check the permissions of ROCKETSHIP_DATA_DIR, or point it somewhere else",
        )
    if "malformed" in text or "not a database" in text:
        return StoreError(
            f"the history database {path} is damaged: {text}",
            hint="move it and the files beside it that begin so out of the way; a new one is made",
        )
    hint = "look for free space, quotas, limits on file sizes, and the messages of the system"
    return StoreError(f"the history database {path} failed: {text}", hint=hint)
