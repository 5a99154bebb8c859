"""The port between the interpreter and whatever runs it.

A unit is the part of a run that is carried out by one holder at a time: suite init, one test, or
suite cleanup. A runtime gives the interpreter a `UnitHost` for each; nothing else of the runtime is
visible.
"""

from __future__ import annotations

import asyncio
from dataclasses import field, fields
from enum import Enum
from typing import Protocol

from rocketship.dataclass import dataclass
from rocketship.run.events import Event
from rocketship.run.status import Status
from rocketship.values import Json, JsonObject


class Interrupt(Enum):
    """Why a unit must stop.

    After CANCEL and DEADLINE the unit's cleanup runs; after EVICT it does not: the unit leaves its
    last checkpoint behind for another holder.
    """

    CANCEL = "cancel"
    DEADLINE = "deadline"
    EVICT = "evict"


class UnitKind(str, Enum):
    """Which part of a run a unit is."""

    INIT = "init"
    TEST = "test"
    CLEANUP = "cleanup"


@dataclass(frozen=True, slots=True)
class UnitRef:
    """Names a unit of a run; `index` counts tests from 0, `attempt` counts holders from 1.

    With `only_cleanup` the unit does not go on where a lost holder stopped, but cleans up after it.
    """

    run_id: str
    kind: UnitKind
    index: int = 0
    attempt: int = 1
    only_cleanup: bool = False

    @property
    def key(self) -> str:
        """The unit's name in events and checkpoints: `init`, `t-3` or `cleanup`."""
        return f"t-{self.index}" if self.kind is UnitKind.TEST else self.kind.value


class InterruptToken:
    """Tells a unit to stop; the first reason stays, EVICT and force then stop its cleanup too."""

    def __init__(self) -> None:
        self._reason: Interrupt | None = None
        self._evicted = False
        self._force = False
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def reason(self) -> Interrupt | None:
        """The interrupt in force, or None."""
        return self._reason

    @property
    def evicted(self) -> bool:
        """Whether the unit is to be left to another holder; a cancelled one is cancelled there."""
        return self._evicted

    @property
    def force(self) -> bool:
        """Whether cleanup is to be skipped too."""
        return self._force

    def set(self, reason: Interrupt, *, force: bool = False) -> None:
        """Interrupt a unit that may have been interrupted before."""
        self._reason = self._reason or reason
        self._evicted = self._evicted or reason is Interrupt.EVICT
        self._force = self._force or force
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    @property
    def stops_cleanup(self) -> bool:
        """Whether even cleanup must stop now."""
        return self._force or self._evicted

    async def wait(self, *, for_cleanup: bool = False) -> None:
        """Return once interrupted; with `for_cleanup`, once even cleanup must stop."""
        while not (self.stops_cleanup if for_cleanup else self._reason):
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)


@dataclass(slots=True)
class UnitState:
    """A unit's checkpoint: enough for another holder to go on.

    Attributes:
        phase: The list being walked: init, steps, on_failure, always, or done.
        done: How many steps of that list are finished.
        in_flight: A step that must not be repeated has begun and its outcome is not recorded.
        status: The verdict so far, and `message` why.
        saved: Saved values by name; `secret_names` are those marked `redact: true`.
        secrets: Further texts that must never be shown.
        memory: What plugins keep for the unit, by plugin name.
        started_at: When the first holder began, in seconds since the epoch.
    """

    phase: str = "init"
    done: int = 0
    in_flight: bool = False
    status: Status = Status.PASSED
    message: str = ""
    saved: JsonObject = field(default_factory=dict)
    secret_names: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    memory: dict[str, JsonObject] = field(default_factory=dict)
    cleanup_failures: int = 0
    started_at: float = 0.0
    v: int = 1

    def encode(self) -> JsonObject:
        """Return the checkpoint as JSON."""
        data: JsonObject = {name: getattr(self, name) for name in self.__slots__}
        data["status"] = self.status.value
        return data

    @classmethod
    def decode(cls, data: dict[str, Json]) -> UnitState:
        """Return the checkpoint that `encode` wrote, by this version or the one before."""
        known = {item.name for item in fields(cls)}
        values: dict[str, Json] = {key: value for key, value in data.items() if key in known}
        state = cls(**values)  # type: ignore[arg-type]
        state.status = Status(state.status)
        return state

    @property
    def sensitive(self) -> bool:
        """Whether the checkpoint holds secret values and must be kept sealed."""
        return bool(self.secret_names or self.secrets or any(self.memory.values()))


class UnitHost(Protocol):
    """All the interpreter sees of the runtime that runs a unit."""

    unit: UnitRef
    interrupt: InterruptToken

    async def load(self) -> UnitState | None:
        """Return the last checkpoint of an earlier attempt, or None."""
        ...

    async def save(self, state: UnitState, *, ack: bool = False) -> None:
        """Keep a checkpoint; with `ack` return only when it can no longer be lost."""
        ...

    def emit(self, event: Event) -> None:
        """Take an event; never blocks. Events may be delivered more than once."""
        ...
