"""The port to the other processes that use the same history."""

from __future__ import annotations

from typing import Protocol

from rocketship.run.events import Event
from rocketship.runtime.ports import Recovery
from rocketship.store.base import RunRecord, UnitCheckpoint


class Carrier(Protocol):
    """What carries runs out in this process."""

    def has(self, run_id: str) -> bool:
        """Return whether this process carries a run out, or is just about to begin."""
        ...

    async def recover(self, record: RunRecord, recovery: Recovery) -> None:
        """Go on with a run that belongs to this process by now."""
        ...

    async def stop(self, run_id: str, *, reason: str, force: bool) -> None:
        """Cancel a run, if this process carries it out."""
        ...

    async def take_line(self, run_id: str, event: Event, receipt: UnitCheckpoint) -> None:
        """Store a line for the log of a run, if this process carries it out, with its receipt."""
        ...

    async def evict(self) -> None:
        """Leave all runs to others."""
        ...


class Peers(Protocol):
    """This process among those that use the same history.

    Attributes:
        together: Whether they act as one: any of them answers for the runs of all.
    """

    together: bool

    @property
    def name(self) -> str:
        """Who this process is; written on the runs it carries out."""
        ...

    async def join(self, carrier: Carrier) -> list[RunRecord]:
        """Begin to live among them, take over runs nobody carries out, and return those."""
        ...

    async def look(self) -> None:
        """Take over what has lost its process just now; called while somebody waits for a run."""
        ...

    async def ask_to_cancel(self, run_id: str, *, reason: str, force: bool) -> bool:
        """Have whichever process carries a run out cancel it; return whether that is possible."""
        ...

    async def hand_on(self, run_id: str, event: Event) -> bool:
        """Have whichever process carries a run out add a line to its log.

        Returns:
            Whether the line is stored: not if the run ended before, or if nobody can be told.
        """
        ...

    def rest(self) -> None:
        """Take over nothing more, as this process is about to leave."""
        ...

    async def leave(self) -> None:
        """Let the others have what is left of this process's runs."""
        ...
