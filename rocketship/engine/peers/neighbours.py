"""The processes of one machine that share a data folder: each brings lost runs to their end."""

from __future__ import annotations

from dataclasses import replace

from rocketship.engine.peers.ownership import Owner
from rocketship.engine.peers.port import Carrier
from rocketship.run.events import Event
from rocketship.runtime.ports import Recovery
from rocketship.store.base import RunRecord, RunStore


class Neighbours:
    """This process among the others of its machine; see `Peers`.

    Args:
        recovery: What becomes of runs whose process was lost.
    """

    together = False

    def __init__(self, owner: Owner, store: RunStore, recovery: Recovery) -> None:
        self._owner = owner
        self._store = store
        self._recovery = recovery
        self._carrier: Carrier | None = None

    @property
    def name(self) -> str:
        return self._owner.name

    async def join(self, carrier: Carrier) -> list[RunRecord]:
        self._carrier = carrier
        return await self._take_over(carrier)

    async def look(self) -> None:
        if self._carrier is not None:
            await self._take_over(self._carrier)

    async def ask_to_cancel(self, run_id: str, *, reason: str, force: bool) -> bool:
        return False

    async def hand_on(self, run_id: str, event: Event) -> bool:
        return False

    def rest(self) -> None:
        self._carrier = None

    async def leave(self) -> None:
        self._owner.release()

    async def _take_over(self, carrier: Carrier) -> list[RunRecord]:
        """Adopt every run whose owner is dead, go on with it, and return those runs, oldest first.

        Runs of living processes are left alone, and of several processes that look at the same time
        only one adopts.
        """
        lost = await self._store.unfinished()
        adopted: list[RunRecord] = []
        for name in dict.fromkeys(record.owner for record in lost if record.owner):
            with self._owner.claim(name) as claimed:
                ids = set(await self._store.adopt(name, self.name)) if claimed else set()
            adopted += [replace(record, owner=self.name) for record in lost if record.id in ids]
        for record in adopted:
            await carrier.recover(record, self._recovery)
        return adopted
