"""What runs append, in order: one transaction at a time, with all that waits for it.

A hundred tests that finish a step at the same time, of whatever runs, share one commit. Of one run
nothing later is ever visible before something earlier: a reader on another connection asks for what
follows the last event it knows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import field
from functools import partial

from rocketship.dataclass import dataclass
from rocketship.run.events import Recorded, encode
from rocketship.store.base import RunRecord, UnitCheckpoint, disowned
from rocketship.values import to_ascii_json

#: Events in one transaction; more wait for the next.
MAX_EVENTS = 2000


@dataclass(slots=True)
class Batch:
    """What is to be appended to a run together, and who waits for it."""

    run_id: str
    owner: str
    events: list[Recorded] = field(default_factory=list)
    units: dict[str, UnitCheckpoint] = field(default_factory=dict)
    end: RunRecord | None = None
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def takes(self, owner: str) -> bool:
        """Return whether more may join: from the same owner, before the end, not too much."""
        return owner == self.owner and self.end is None and len(self.events) < MAX_EVENTS

    def settle(self, error: BaseException | None) -> None:
        """Tell everybody who waits."""
        for future in self.waiting:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

    def rows(self) -> Iterator[tuple[str, int, str]]:
        """Yield run, number and JSON of each event."""
        for item in self.events:
            yield self.run_id, item.seq, to_ascii_json(encode(item.event))


#: Those of the runs that are their owners'. Of all others nothing is stored.
Held = set[str]


class Appender:
    """Appends to runs through a database.

    Args:
        write: Stores batches, one of each run, in one transaction, at once or later.
    """

    def __init__(self, write: Callable[[Sequence[Batch]], Held | asyncio.Future[Held]]) -> None:
        self._write = write
        self._loop = asyncio.get_running_loop()
        #: For each run what is to be appended, oldest first; a run with nothing is not in it.
        self._batches: dict[str, list[Batch]] = {}
        #: What could not be stored together, and goes before all else.
        self._single: deque[Batch] = deque()
        self._writing: asyncio.Future[Held] | None = None
        self._begins: asyncio.Handle | None = None

    def append(
        self,
        run_id: str,
        events: Sequence[Recorded],
        unit: UnitCheckpoint | None,
        end: RunRecord | None,
        owner: str,
    ) -> Awaitable[None]:
        """Take what is to be appended; the result comes with the commit that contains it.

        Raises (through the result):
            Disowned: The run is not that of the owner.
            StoreError: The database refuses, or was away for too long.
        """
        batches = self._batches.setdefault(run_id, [])
        if not batches or not batches[-1].takes(owner):
            batches.append(Batch(run_id, owner))
        batch = batches[-1]
        batch.events += events
        if unit is not None:
            batch.units[unit.unit] = unit
        batch.end = end
        future = self._loop.create_future()
        batch.waiting.append(future)
        if self._writing is None and self._begins is None:
            # Not at once: whatever else ends in this turn of the loop goes along.
            self._begins = self._loop.call_soon(self._write_next)
        return future

    async def close(self) -> None:
        """Finish what was taken."""
        if self._begins is not None:
            self._begins.cancel()
            self._write_next()
        while self._writing is not None:
            await asyncio.wait((self._writing,))

    def _write_next(self) -> None:
        self._begins = self._writing = None
        while batches := self._take():
            try:
                written = self._write(batches)
            except Exception as error:  # whatever it is: somebody waits
                self._failed(batches, error)
                continue
            if isinstance(written, set):
                _settle(batches, written)
            else:
                self._writing = written
                written.add_done_callback(partial(self._written, batches))
                return

    def _take(self) -> list[Batch]:
        """Return the oldest batch of each run, as far as they go together."""
        if self._single:
            return [self._single.popleft()]
        taken: list[Batch] = []
        size = 0
        for run_id in list(self._batches):
            batches = self._batches[run_id]
            size += len(batches[0].events)
            if taken and size > MAX_EVENTS:
                break
            taken.append(batches.pop(0))
            if not batches:
                del self._batches[run_id]
        return taken

    def _written(self, batches: list[Batch], write: asyncio.Future[Held]) -> None:
        if write.cancelled():  # with everything else in this loop
            return
        error = write.exception()
        if error is None:
            _settle(batches, write.result())
        else:
            self._failed(batches, error)
        self._write_next()

    def _failed(self, batches: list[Batch], error: BaseException) -> None:
        if len(batches) == 1:
            batches[0].settle(error)
        else:
            # Only whose fault it is shall hear of it.
            self._single += batches


def _settle(batches: list[Batch], held: Held) -> None:
    for batch in batches:
        batch.settle(None if batch.run_id in held else disowned(batch.run_id))
