"""Connections to PostgreSQL, and the patience to live through its absence.

Work is given as a function of a connection, so that it can be done once more on another one: all of
ours may be repeated. What a person waits for fails after a moment; what a run must not lose waits
for a database that is away.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

from rocketship.errors import SettingsError
from rocketship.settings.database import DatabaseSettings
from rocketship.store.postgres.failures import Place, is_hopeless, is_passing, translate

log = logging.getLogger(__name__)
T = TypeVar("T")
Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
Work: TypeAlias = Callable[[Connection], Awaitable[T]]

#: Connections for everything runs and callers want.
MAX_CONNECTIONS = 10
CONNECT_SECONDS = 5
#: How long the server may take for one statement, and for a lock in it.
STATEMENT_SECONDS = 8
LOCK_SECONDS = 5
#: When a connection is given up that answers nothing at all, not even an error.
SILENCE_SECONDS = 10.0
#: How long a caller who can ask again waits for a database that is away.
CALL_SECONDS = 3.0
#: How long a run in flight does.
OUTAGE_SECONDS = 900.0
#: How long an engine that starts does.
START_SECONDS = 30.0
RETRY_SECONDS = 0.2
_SETTINGS = (
    f"SET statement_timeout = '{STATEMENT_SECONDS}s'; SET lock_timeout = '{LOCK_SECONDS}s';"
    f" SET idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s'"
)


class Database:
    """A pool of connections; open it before use."""

    def __init__(
        self, settings: DatabaseSettings, *, max_connections: int = MAX_CONNECTIONS
    ) -> None:
        self.conninfo, self.place = _read(settings)
        self._max_connections = max_connections
        self._closing_at = math.inf
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            self.conninfo,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=max_connections,
            open=False,
            name="rocketship-store",
            configure=_configure,
            # What asks for a connection makes the next try; the pool's own pauses grow too long.
            reconnect_timeout=RETRY_SECONDS,
        )

    async def open(self) -> None:
        """Wait for the database, but not for ever.

        Raises:
            StoreError: It does not answer, or refuses.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        waited = False
        while True:
            try:
                async with self.connect():
                    break
            except psycopg.OperationalError as error:
                failure = translate(error, self.place)
                if is_hopeless(error) or loop.time() > deadline:
                    failure.hint = "check ROCKETSHIP_DATABASE_URL and that PostgreSQL runs there"
                    raise failure from None
            if not waited:
                log.warning("waiting_for_database", extra={"error": failure.message})
                waited = True
            await asyncio.sleep(RETRY_SECONDS)
        await self._pool.open()

    def hurry(self) -> None:
        """Have no more patience, as the engine is about to stop."""
        self._closing_at = asyncio.get_running_loop().time() + CALL_SECONDS

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close(timeout=SILENCE_SECONDS)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """Open a connection beside the pool."""
        connection = await AsyncConnection.connect(self.conninfo, autocommit=True)
        try:
            yield connection
        finally:
            await connection.close()

    async def perform(self, work: Work[T], *, patience: float = CALL_SECONDS) -> T:
        """Do some work on a connection, once more on another when the first one fails.

        Raises:
            StoreError: The database refuses, or stays away for longer than `patience` seconds.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._pool.connection(timeout=CALL_SECONDS) as connection:
                    with limited(connection):
                        return await work(connection)
            except (psycopg.Error, TimeoutError) as error:
                if not is_passing(error) or loop.time() > min(deadline, self._closing_at):
                    raise translate(error, self.place) from None
            # After a restart of the server every pooled connection may be dead: try them all.
            await asyncio.sleep(RETRY_SECONDS if attempt > self._max_connections else 0)


@contextmanager
def limited(connection: Connection, seconds: float = SILENCE_SECONDS) -> Iterator[None]:
    """Shut a connection down that stays silent, so that waiting for it ends with an error."""
    # Cancelling would ask the server, which is what does not answer.
    timer = asyncio.get_running_loop().call_later(seconds, _shut_down, connection)
    try:
        yield
    finally:
        timer.cancel()


def _shut_down(connection: Connection) -> None:
    with (
        suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as twin,
    ):
        twin.shutdown(socket.SHUT_RDWR)


async def _configure(connection: Connection) -> None:
    await connection.execute(_SETTINGS)


def _read(settings: DatabaseSettings) -> tuple[str, Place]:
    """Return how to connect, and how to name the database.

    Raises:
        SettingsError: libpq cannot read the URL.
    """
    url = settings.url.reveal()
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        text = str(error).replace(url, "the URL").strip()
        password = settings.password.reveal()
        text = text.replace(password, "***") if password else text
        raise SettingsError(f"ROCKETSHIP_DATABASE_URL cannot be read: {text}") from None
    ports = str(given.get("port", "")).split(",")
    if not all(port.isdecimal() for port in ports if port):
        raise SettingsError("ROCKETSHIP_DATABASE_URL cannot be read: its port is not a number")
    defaults: dict[str, str | int] = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "rocketship",
        "keepalives_idle": CONNECT_SECONDS,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": int(SILENCE_SECONDS * 1000),
    }
    missing = {name: value for name, value in defaults.items() if name not in given}
    where = f"{given.get('host', 'localhost')}:{given.get('port', 5432)}"
    name = f"the PostgreSQL database {given.get('dbname', '')} at {where}"
    return make_conninfo(url, **missing), Place(name, str(given.get("password", "")))
