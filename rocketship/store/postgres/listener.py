"""Hears, on one connection, which runs other engines have stored something of.

A notification is only a hint to look. One that was missed, because the connection was lost or
nobody listened yet, costs a moment: whoever waits looks again after it anyway.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from rocketship.store.postgres.database import RETRY_SECONDS, Connection, Database, limited
from rocketship.store.postgres.failures import translate

log = logging.getLogger(__name__)

#: Every payload is the id of a run, or this word for all engines.
CHANNEL = "rocketship"
ENGINES = "engines"
#: How long a ring that was missed can delay anybody.
HEAL_SECONDS = 2.0
#: How often a connection that hears nothing is tried.
PROBE_SECONDS = 10.0
#: At most so long is waited before a database that stays away is tried again.
MAX_RETRY_SECONDS = 3.0


class RunBell:
    """Rings for one listener."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the listener, now or when it waits next."""
        self._rung.set()

    async def wait(self) -> None:
        try:
            async with asyncio.timeout(HEAL_SECONDS):
                await self._rung.wait()
        except TimeoutError:
            pass
        self._rung.clear()


class Listener:
    """Rings the bells of runs; `on_run` is called for each, `on_engines` for what engines do."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bells: dict[str, set[RunBell]] = {}
        self._task: asyncio.Task[None] | None = None
        self.on_engines: Callable[[], None] = _ignore
        self.on_run: Callable[[str], None] = _ignore

    def start(self) -> None:
        """Begin to listen, and connect again whenever that is needed."""
        self._task = asyncio.create_task(self._keep_listening(), name="rocketship-listener")

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    @contextmanager
    def listen(self, run_id: str) -> Iterator[RunBell]:
        """Hear of a run for as long as the context lasts."""
        bell = RunBell()
        self._bells.setdefault(run_id, set()).add(bell)
        try:
            yield bell
        finally:
            self._bells[run_id].discard(bell)
            if not self._bells[run_id]:
                del self._bells[run_id]

    async def _keep_listening(self) -> None:
        pause, lost = RETRY_SECONDS, False
        while True:
            try:
                async with self._database.connect() as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    if lost:
                        log.info("notifications_back")
                    pause, lost = RETRY_SECONDS, False
                    # Whatever happened until now was not heard.
                    self._ring_all()
                    await self._hear(connection)
            except (psycopg.Error, OSError) as error:
                if not lost:
                    failure = translate(error, self._database.place)
                    log.warning("notifications_lost", extra={"error": failure.message})
                lost = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_RETRY_SECONDS)

    async def _hear(self, connection: Connection) -> None:
        while True:
            async for notification in connection.notifies(timeout=PROBE_SECONDS):
                self._ring(notification.payload)
            with limited(connection):
                await connection.execute("SELECT 1")

    def _ring(self, payload: str) -> None:
        if payload == ENGINES:
            self.on_engines()
        else:
            self.on_run(payload)
        for bell in self._bells.get(payload, ()):
            bell.ring()

    def _ring_all(self) -> None:
        self.on_engines()
        for bells in self._bells.values():
            for bell in bells:
                bell.ring()


def _ignore(*_: object) -> None:
    """Nobody has asked to be called yet."""
