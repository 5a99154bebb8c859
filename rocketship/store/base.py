"""The store port and the records that cross it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from typing import Protocol

from rocketship.dataclass import dataclass
from rocketship.errors import Disowned
from rocketship.run.events import Event, Recorded
from rocketship.run.result import Totals
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.values import JsonObject

MAX_PAGE = 1000
#: Events read at once.
EVENT_PAGE = 1000
#: A run id nobody has, to ask the store for.
MAX_RUN_ID = "7" + "z" * 25
DEFAULT_PAGE = 50


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as lists show it; times are seconds since the epoch.

    `owner` names the process that carries it out; empty means that no process of ours does, and
    that none may take it over.
    """

    id: str
    suite: str
    file: str
    status: Status
    created_at: float
    ended_at: float | None = None
    duration_seconds: float = 0.0
    message: str = ""
    totals: Totals = Totals()
    context: JsonObject = field(default_factory=dict)
    owner: str = ""


#: What lists can be ordered by; runs that have not ended come first where the newest do.
ORDERS = ("started_at", "ended_at", "duration")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list, and in which order.

    Empty fields match everything; words are compared without case, and `suite` is a part of the
    name. `suite_name` is all of it, to the letter. `text` is looked for in the
    names of suite and file, the branch, the commit, the message and the beginning of the id.
    `cursor` is that of the page before, from a query that was otherwise the same.
    """

    status: str = ""
    suite: str = ""
    suite_name: str = ""
    file: str = ""
    project: str = ""
    source: str = ""
    branch: str = ""
    schedule: str = ""
    text: str = ""
    order_by: str = ORDERS[0]
    ascending: bool = False
    limit: int = DEFAULT_PAGE
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of runs; `cursor` continues the list and is empty on the last page."""

    runs: tuple[RunRecord, ...]
    total: int
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be created with its first events; `secrets` are sealed environment values."""

    record: RunRecord
    spec: RunSpec
    events: tuple[Event, ...]
    secrets: bytes = b""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class KeyedEvent:
    """An event that is stored once however often it arrives, as its key is unique in its run."""

    key: str
    event: Event


class Bell(Protocol):
    """Rings when another process may have stored something of a run."""

    async def wait(self) -> None:
        """Wait for the next ring since the last, but no longer than a moment."""
        ...


class RunStore(Protocol):
    """Keeps runs. Every method may raise StoreError; writes are durable when they return."""

    async def create_run(self, new: NewRun) -> str:
        """Store a run and return its id; an idempotency key seen before returns the earlier id."""
        ...

    async def append(
        self,
        run_id: str,
        events: Sequence[Recorded],
        unit: UnitCheckpoint | None = None,
        end: RunRecord | None = None,
        *,
        owner: str = "",
    ) -> None:
        """Store events, a checkpoint, and the end of the run in one transaction.

        For the one process that carries a run out, and so numbers its events. What it appends is
        seen in the order of the calls. The end of a run also removes its checkpoints and secrets.

        Raises:
            Disowned: The run is not, or no longer, that of the `owner` given; nothing is stored.
        """
        ...

    async def add(
        self, run_id: str, events: Sequence[KeyedEvent], end: RunRecord | None = None
    ) -> list[Recorded]:
        """Store events under the run's next numbers, and return those that are new.

        For runs without an owner, whose events any process may report, again and again: a key that
        the run has already, and everything after the end of the run, changes nothing.
        """
        ...

    def listen(self, run_id: str) -> AbstractContextManager[Bell]:
        """Hear of what other processes store of a run; listen first and look then."""
        ...

    def tell_of_others(self, listener: Callable[[str], None]) -> None:
        """Call a listener with each run that other processes store something of.

        Only as far as they can be heard; on a file of one machine they cannot.
        """
        ...

    async def events(self, run_id: str, after_seq: int = 0, limit: int = 1000) -> list[Recorded]:
        """Return events in sequence."""
        ...

    async def find(self, prefix: str) -> list[RunRecord]:
        """Return up to ten runs whose id begins so, newest first."""
        ...

    async def list_runs(self, query: RunFilter) -> RunPage:
        """Return a page of runs, newest (or longest) first unless `ascending`.

        Raises:
            UsageError: The cursor is none that a page came with.
        """
        ...

    async def spec(self, run_id: str) -> tuple[RunSpec, bytes]:
        """Return what was to be run, and the sealed secrets (empty once the run has ended)."""
        ...

    async def load_unit(self, run_id: str, unit: str) -> UnitCheckpoint | None:
        """Return a unit's last checkpoint."""
        ...

    async def attempts(self, run_id: str, prefix: str) -> dict[str, int]:
        """Return the attempt of each checkpoint of a run whose unit begins so, by the unit."""
        ...

    async def unfinished(self) -> list[RunRecord]:
        """Return the runs that have not ended, oldest first."""
        ...

    async def adopt(self, old_owner: str, new_owner: str) -> list[str]:
        """Make the unfinished runs of one owner those of another; return their ids."""
        ...

    async def delete_run(self, run_id: str) -> bool:
        """Remove a run and everything of it; return whether there was one."""
        ...

    async def delete_ended_before(self, when: float) -> int:
        """Remove runs that ended before the given time; return how many."""
        ...

    async def check(self) -> None:
        """Make sure that the database answers, and takes writes again if the last one failed.

        Raises:
            StoreError: It does not.
        """
        ...

    async def close(self) -> None:
        """Finish what was asked for and release the database."""
        ...


@dataclass(frozen=True, slots=True)
class UnitCheckpoint:
    """A unit's checkpoint, as bytes that may be sealed."""

    unit: str
    attempt: int
    state: bytes


async def stored_events(
    store: RunStore, run_id: str, after_seq: int = 0
) -> AsyncGenerator[list[Recorded]]:
    """Yield the events of a run after a sequence number, page by page, as far as they are stored.

    Raises:
        StoreError: They cannot be read.
    """
    while page := await store.events(run_id, after_seq, EVENT_PAGE):
        yield page
        after_seq = page[-1].seq
        if len(page) < EVENT_PAGE:
            break


def disowned(run_id: str) -> Disowned:
    """Return the error for a process that a run was taken from."""
    return Disowned(f"run {run_id} is carried out by another process by now")
