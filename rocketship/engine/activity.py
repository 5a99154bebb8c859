"""What becomes of all runs, for whoever looks at many of them at once.

A watcher is told how a run stands, not what happened in it: many events between two looks are one
piece of news, and a slow watcher skips what is out of date. All watchers share one look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace

from rocketship.dataclass import dataclass
from rocketship.engine.hub import Hub
from rocketship.errors import StoreError
from rocketship.run.fold import Folder
from rocketship.run.result import RunResult, TestResult
from rocketship.run.status import Status
from rocketship.store.base import RunRecord, RunStore, stored_events

log = logging.getLogger(__name__)

#: How long news is gathered before it is told.
GATHER_SECONDS = 0.1
#: Running tests that are told of, for each run.
MAX_DOING = 5


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How a run stands: its record with the totals so far, and what its tests do at the moment."""

    record: RunRecord
    doing: tuple[str, ...] = ()


class Activity:
    """Tells watchers of every run that begins, moves on or ends."""

    def __init__(self, store: RunStore, hub: Hub) -> None:
        self._store = store
        self._watchers: set[_Mailbox] = set()
        self._runs: dict[str, _Reading] = {}
        self._news: set[str] = set()
        self._teller: asyncio.Task[None] | None = None
        hub.tap(lambda run_id, _: self.touch(run_id))
        store.tell_of_others(self.touch)

    def touch(self, run_id: str) -> None:
        """Say that something happened in a run, here or in another process."""
        if not self._watchers:
            return
        self._news.add(run_id)
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell(), name="activity")

    async def going_on(self) -> list[RunProgress]:
        """Return how the runs stand that go on, oldest first.

        Raises:
            StoreError: The runs cannot be read.
        """
        records = await self._store.unfinished()
        found = [item for record in records if (item := await self._look(record.id))]
        self._forget_unwatched()
        return found

    async def watch(self) -> AsyncGenerator[list[RunProgress]]:
        """Yield the runs that go on, and from then on each that has changed.

        Raises:
            StoreError: The runs cannot be read.
        """
        mailbox = _Mailbox()
        self._watchers.add(mailbox)
        try:
            yield await self.going_on()
            while True:
                yield await mailbox.take()
        finally:
            self._watchers.discard(mailbox)
            self._forget_unwatched()

    def _forget_unwatched(self) -> None:
        """What nobody watches is not kept up to date, so it is read anew the next time."""
        if not self._watchers:
            self._runs.clear()

    async def close(self) -> None:
        """Stop telling."""
        if self._teller is not None:
            self._teller.cancel()
            await asyncio.wait({self._teller})

    async def _tell(self) -> None:
        try:
            while self._news and self._watchers:
                await asyncio.sleep(GATHER_SECONDS)
                news, self._news = self._news, set()
                await self._tell_of(news)
        finally:
            self._teller = None

    async def _tell_of(self, run_ids: set[str]) -> None:
        try:
            found = [item for run_id in run_ids if (item := await self._look(run_id))]
        except StoreError as error:
            # The next piece of news brings what is missing now.
            log.warning("activity_unread", extra={"error": error.message})
            return
        for mailbox in self._watchers:
            mailbox.put(found)

    async def _look(self, run_id: str) -> RunProgress | None:
        """Return how a run stands, or None when it has been deleted."""
        records = await self._store.find(run_id)
        if not records:
            self._runs.pop(run_id, None)
            return None
        if records[0].status.finished:
            self._runs.pop(run_id, None)
            return RunProgress(records[0])
        reading = self._runs.setdefault(run_id, _Reading(run_id))
        return reading.progress(records[0], await reading.read_on(self._store))


class _Reading:
    """A run that goes on, folded as far as it has been read."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._folder = Folder(run_id)
        self._seq = 0
        self._lock = asyncio.Lock()

    async def read_on(self, store: RunStore) -> RunResult:
        async with self._lock:
            async for page in stored_events(store, self._run_id, self._seq):
                for item in page:
                    self._folder.apply(item.event)
                self._seq = page[-1].seq
        return self._folder.result()

    def progress(self, record: RunRecord, result: RunResult) -> RunProgress:
        running = [unit for unit in result.units if unit.status is Status.RUNNING]
        doing = tuple(map(_doing, running[:MAX_DOING]))
        return RunProgress(replace(record, totals=result.totals), doing)


class _Mailbox:
    """The latest of every run a watcher has not been told yet."""

    def __init__(self) -> None:
        self._items: dict[str, RunProgress] = {}
        self._arrived = asyncio.Event()

    def put(self, items: list[RunProgress]) -> None:
        self._items |= {item.record.id: item for item in items}
        self._arrived.set()

    async def take(self) -> list[RunProgress]:
        await self._arrived.wait()
        self._arrived.clear()
        items, self._items = list(self._items.values()), {}
        return items


def _doing(unit: TestResult) -> str:
    step = unit.steps[-1].name if unit.steps else ""
    return f"{unit.name} › {step}" if step else unit.name
