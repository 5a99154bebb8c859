"""Several engines on one database: each says that it lives, and they divide the lost runs.

A lease can be lost by an engine that lives on: it was frozen, or cut off. By then others may have
its runs, and the database takes nothing more from it for them. It begins anew under another name.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from rocketship.engine.peers.port import Carrier
from rocketship.errors import StoreError
from rocketship.run.events import Event
from rocketship.runtime.ports import Recovery
from rocketship.store.base import RunRecord

if TYPE_CHECKING:
    from rocketship.store.postgres.store import PostgresStore

log = logging.getLogger(__name__)

#: How often an engine says that it lives, and looks for runs that nobody carries out.
BEAT_SECONDS = 1.5
#: How long a line may wait for the engine that carries its run out, or for one that adopts it.
HAND_ON_SECONDS = 20.0


class Fleet:
    """This engine among the others of its database; see `Peers`.

    Args:
        recovery: What becomes of runs whose engine was lost.
    """

    together = True

    def __init__(self, store: PostgresStore, recovery: Recovery) -> None:
        self._store = store
        self._leases = store.leases
        self._recovery = recovery
        self._name = _new_name()
        self._strays: set[str] = set()
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._patrolling: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self._name

    async def join(self, carrier: Carrier) -> list[RunRecord]:
        await self._leases.take(self._name)
        self._keep(self._live(carrier))
        adopted = await self._adopt(carrier)
        self._store.listener.on_engines = self._news.set
        self._patrolling = self._keep(self._patrol(carrier))
        return adopted

    async def look(self) -> None:
        """Leave it to the patrol: watchers are many, and the database is one for all."""

    async def ask_to_cancel(self, run_id: str, *, reason: str, force: bool) -> bool:
        await self._leases.ask_to_cancel(run_id, reason=reason, force=force)
        return True

    async def hand_on(self, run_id: str, event: Event) -> bool:
        mail = self._store.mail
        number = await mail.put(run_id, event)
        if number is None:
            return False
        try:
            async with asyncio.timeout(HAND_ON_SECONDS):
                with self._store.listen(run_id) as bell:
                    while (taken := await mail.taken(number)) is None:
                        await bell.wait()
        except TimeoutError:
            taken = await mail.taken(number, give_up=True)
        return bool(taken)

    def rest(self) -> None:
        # What is evicted from now on must not look like runs that lost their engine.
        if self._patrolling is not None:
            self._patrolling.cancel()
        self._store.hurry()

    async def leave(self) -> None:
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        # Otherwise the lease ends by itself.
        with suppress(StoreError):
            await self._leases.give_up(self._name)

    async def _live(self, carrier: Carrier) -> None:
        """Renew the lease for ever."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with _enduring("lease"):
                if not await self._leases.renew(self._name):
                    await self._begin_anew(carrier)

    async def _begin_anew(self, carrier: Carrier) -> None:
        name = _new_name()
        await self._leases.take(name)
        log.warning("lease_lost", extra={"name_before": self._name, "name_now": name})
        self._name = name
        # Not waited for: the new lease has to be renewed meanwhile.
        self._keep(carrier.evict())

    async def _patrol(self, carrier: Carrier) -> None:
        """Look for work for ever, once in a while and when told that there is some."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._news.wait()
            self._news.clear()
            with _enduring("patrol"):
                await self._adopt(carrier)
                await self._tend(carrier)

    async def _adopt(self, carrier: Carrier) -> list[RunRecord]:
        """Take over runs whose engine lives no more, and return them."""
        adopted = await self._leases.adopt(self._name)
        for record in adopted:
            log.warning("run_adopted", extra={"run_id": record.id})
            # One that is still being evicted here is a stray in a moment.
            if not carrier.has(record.id):
                await carrier.recover(record, self._recovery)
        return adopted

    async def _tend(self, carrier: Carrier) -> None:
        """Do what other engines were asked for, and go on with runs of ours nobody carries out.

        The latter come from calls whose answer was lost with the database. A run must look like one
        twice, as the first look may be older than its end.
        """
        held = await self._leases.held(self._name)
        strays = {item.run_id for item in held if not carrier.has(item.run_id)}
        for run_id in sorted(strays & self._strays):
            for record in await self._store.find(run_id):
                await carrier.recover(record, self._recovery)
        self._strays = strays
        for item in held:
            if item.cancel is not None:
                await carrier.stop(item.run_id, reason=item.cancel, force=item.force)
        for letter in await self._store.mail.waiting(self._name):
            await carrier.take_line(letter.run_id, letter.event, letter.receipt)

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


@contextmanager
def _enduring(part: str) -> Iterator[None]:
    """Tell of what goes wrong and go on: the next time it may work."""
    try:
        yield
    except StoreError as error:
        log.warning("fleet_hindered", extra={"part": part, "error": error.message})
    except Exception:  # the fault of one run must not leave all others without an engine
        log.exception("fleet_failed_unexpectedly", extra={"part": part})


def _new_name() -> str:
    return f"{os.uname().nodename}-{os.getpid()}-{os.urandom(8).hex()}"
