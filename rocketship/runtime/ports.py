"""What the engine sees of a runtime, and what a runtime needs from the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import field
from enum import Enum
from typing import Protocol

from rocketship.dataclass import dataclass
from rocketship.interpreter.plan import Plan
from rocketship.plugins.api import Files
from rocketship.run.events import Event
from rocketship.run.status import Status
from rocketship.values import JsonObject


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended."""

    status: Status
    message: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a runtime can take work, and why not."""

    ok: bool
    detail: str = ""


class RunBackend(Protocol):
    """All the engine sees of a runtime."""

    async def start(self, run_id: str) -> None:
        """Carry out a run; starting it twice is starting it once."""
        ...

    async def cancel(self, run_id: str, *, reason: str, force: bool = False) -> None:
        """Stop a run; its cleanup runs unless `force` is set. Harmless for a finished run."""
        ...

    async def outcome(self, run_id: str) -> RunOutcome:
        """Wait for the end of a run.

        Raises:
            NotFound: The runtime does not know the run.
        """
        ...

    def incomplete(self) -> AsyncIterator[str]:
        """Yield the ids of runs this runtime has begun and not ended."""
        ...

    async def evict(self) -> None:
        """Let go of every run that only this process carries out; others go on with them."""
        ...

    async def health(self) -> Health:
        """Return whether the runtime can take work now."""
        ...


class Recovery(str, Enum):
    """What becomes of a run whose process was lost."""

    RESUME = "resume"
    CLEANUP = "cleanup"


@dataclass(frozen=True, slots=True)
class RunSource:
    """A run as the runtime receives it.

    Attributes:
        env: The environment values the suite may see; secret.
        started_at: When the run began, in seconds since the epoch; its deadline counts from there.
        recovery: How to treat what an earlier process began, or None for a fresh run.
        told: The units whose end an earlier process has recorded.
        context: Where the run comes from, as far as the client told.
    """

    plan: Plan
    files: Files
    started_at: float
    env: dict[str, str] = field(default_factory=dict)
    recovery: Recovery | None = None
    told: frozenset[str] = frozenset()
    context: JsonObject = field(default_factory=dict)


class PlanSource(Protocol):
    """Where a runtime gets its runs from."""

    async def run_source(self, run_id: str) -> RunSource:
        """Return the run to carry out."""
        ...


class EventSink(Protocol):
    """Where a runtime sends what happened."""

    def emit(self, run_id: str, event: Event) -> None:
        """Take an event; never blocks."""
        ...

    async def flush(self, run_id: str) -> None:
        """Return once every event taken so far is stored.

        Raises:
            StoreError: Events could not be stored.
        """
        ...


class Journal(Protocol):
    """Where a runtime keeps checkpoints; those that are `sensitive` are sealed."""

    async def load_unit(self, run_id: str, unit: str) -> tuple[int, JsonObject] | None:
        """Return a unit's attempt number and last checkpoint, or None."""
        ...

    async def save_unit(
        self, run_id: str, unit: str, attempt: int, state: JsonObject, *, sensitive: bool
    ) -> None:
        """Keep a checkpoint, with all events before it, safe from the death of this process.

        Raises:
            StoreError: It could not be stored.
        """
        ...


class Reports(Protocol):
    """Where a worker sends what happened in units, to be stored by an engine.

    An event is known by its run, unit, attempt and number, so that it is stored once however often
    it is sent.
    """

    def report(self, run_id: str, event: Event, number: int) -> int:
        """Take an event and return its place among all that were taken; never blocks."""
        ...

    def stored(self, place: int) -> bool:
        """Return whether everything up to a place is stored."""
        ...

    async def wait_stored(self, place: int) -> None:
        """Return once everything up to a place is stored, however long that takes."""
        ...


class States(Protocol):
    """Keeps what is too large for a runtime to carry about, as long as the run goes on."""

    async def keep(self, run_id: str, name: str, state: JsonObject) -> None:
        """Keep something under a name; returns when it is safe, however long that takes."""
        ...

    async def kept(self, run_id: str, name: str) -> JsonObject:
        """Return what was kept.

        Raises:
            NotFound: There is nothing under the name.
        """
        ...
