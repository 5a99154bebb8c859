"""Statements in order on one connection, each with its time limit, and an end in any case."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from rocketship.dataclass import dataclass
from rocketship.errors import DatabaseError, StepError, StepTimeout
from rocketship.plugins.sql.database import Connection, Database, with_label
from rocketship.plugins.sql.result import Query, Results, Room
from rocketship.plugins.sql.split import split
from rocketship.plugins.sql.statement import bind
from rocketship.plugins.sql.thread import WorkThread
from rocketship.values import format_duration

T = TypeVar("T")

#: As many steps have a connection at the same time.
MAX_CONNECTIONS = 64
#: How long to wait for a server when the step has no `timeout`.
CONNECT_SECONDS = 10.0
#: How long a server has to end a statement before only the connection is closed.
INTERRUPT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to carry out.

    Attributes:
        commands: The statements; a command may hold several, the last one's result counts.
        params: The values of `:name`.
        transaction: Whether all of it happens or nothing.
        timeout: The seconds that connecting and each command may take, or None.
        keep_going: Whether to go on after a failed command.
    """

    commands: Sequence[str]
    params: Mapping[str, Any]
    transaction: bool
    timeout: float | None
    keep_going: bool


class Turns:
    """Lets so many steps of an event loop have a connection, and a thread, at the same time."""

    def __init__(self) -> None:
        self._of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    def turn(self) -> asyncio.Semaphore:
        """Return what a step enters before it connects."""
        loop = asyncio.get_running_loop()
        return self._of_loop.setdefault(loop, asyncio.Semaphore(MAX_CONNECTIONS))


async def carry_out(database: Database, order: Order, results: Results) -> StepError | None:
    """Carry out an order and add to `results`; return the failure of a connection or command."""
    thread = WorkThread()
    session = _Session(database, order, results, thread)
    try:
        await session.run()
    except StepError as error:
        return error
    finally:
        thread.close(session.close)
    return None


class _Session:
    def __init__(
        self, database: Database, order: Order, results: Results, thread: WorkThread
    ) -> None:
        self._database = database
        self._order = order
        self._results = results
        self._thread = thread
        self._connection: Connection | None = None
        self._room = Room()

    async def run(self) -> None:
        begun = time.monotonic()
        limit = self._order.timeout or CONNECT_SECONDS
        await self._limited(lambda: self._connect(limit), limit, "connecting")
        self._results.connection_seconds = time.monotonic() - begun
        if self._order.transaction:
            assert self._connection is not None
            await self._statement(self._connection.begin)
        failures = await self._commands()
        if self._order.transaction:
            assert self._connection is not None
            await self._statement(self._connection.rollback if failures else "COMMIT")
        if failures and not self._order.keep_going:
            raise failures[0]

    def close(self) -> None:
        """Close the connection, if there is one by now."""
        if self._connection is not None:
            self._connection.close()

    def _connect(self, limit: float) -> None:
        self._connection = self._database.connect(limit)

    async def _commands(self) -> list[StepError]:
        failures: list[StepError] = []
        for number, command in enumerate(self._order.commands):
            query = Query(command)
            self._results.queries.append(query)
            begun = time.monotonic()
            try:
                job = partial(self._execute, command, query)
                await self._limited(job, self._order.timeout, f"query {number}")
            except StepTimeout as error:
                query.error = error.message
                raise
            except StepError as error:
                query.error = error.message
                where = f"{self._database.label}: query {number}"
                failures.append(with_label(where, error))
                # In a transaction nothing after a failure can be kept.
                if self._order.transaction or not self._order.keep_going:
                    break
            finally:
                query.seconds = time.monotonic() - begun
        return failures

    async def _statement(self, sql: str) -> None:
        try:
            await self._limited(lambda: self._execute(sql, Query(sql)), self._order.timeout, sql)
        except DatabaseError as error:
            raise with_label(f"{self._database.label}: {sql}", error) from error

    def _execute(self, command: str, query: Query) -> None:
        assert self._connection is not None
        for sql in split(command, self._database.dialect):
            bound, values = bind(
                sql, self._database.dialect, self._order.params, self._connection.placeholder
            )
            self._connection.execute(bound, values, query, self._room)

    async def _limited(self, job: Callable[[], T], limit: float | None, what: str) -> T:
        """Return what a call returns; end it at the limit, and when the step is cancelled."""
        timer = asyncio.timeout(limit)
        try:
            async with timer:
                return await self._thread.call(job)
        except TimeoutError:
            await self._interrupt()
            assert limit is not None
            raise StepTimeout(
                f"{self._database.label}: {what} took longer than {format_duration(limit)}",
                hint="raise `timeout` in the step's config",
            ) from None
        except asyncio.CancelledError:
            await self._interrupt()
            raise

    async def _interrupt(self) -> None:
        if self._connection is None:
            return
        helper = WorkThread()
        try:
            async with asyncio.timeout(INTERRUPT_SECONDS):
                await helper.call(self._connection.interrupt)
        except TimeoutError:
            return
        finally:
            helper.close()
