"""The interpreter's host in this process: checkpoints go to the journal, events to the sink.

Every checkpoint is stored before the unit goes on, although a step takes longer for it: finished
steps are never repeated, and a checkpoint on its way would break that promise.
"""

from __future__ import annotations

from collections.abc import Callable

from rocketship.errors import StoreError
from rocketship.interpreter.host import InterruptToken, UnitRef, UnitState
from rocketship.run.events import Event
from rocketship.runtime.ports import EventSink, Journal


class EmbeddedHost:
    """One unit's host.

    Args:
        sensitive: Whether checkpoints may hold secrets even when the unit saved none by itself.
        broken: Called when the journal fails; the unit then goes on without it, in memory.
    """

    def __init__(
        self,
        unit: UnitRef,
        interrupt: InterruptToken,
        journal: Journal,
        sink: EventSink,
        *,
        earlier: UnitState | None,
        sensitive: bool,
        broken: Callable[[StoreError], None],
    ) -> None:
        self.unit = unit
        self.interrupt = interrupt
        self._journal = journal
        self._sink = sink
        self._earlier = earlier
        self._sensitive = sensitive
        self._broken = broken

    async def load(self) -> UnitState | None:
        return self._earlier

    async def save(self, state: UnitState, *, ack: bool = False) -> None:
        unit, sensitive = self.unit, self._sensitive or state.sensitive
        try:
            await self._journal.save_unit(
                unit.run_id, unit.key, unit.attempt, state.encode(), sensitive=sensitive
            )
        except StoreError as error:
            self._broken(error)

    def emit(self, event: Event) -> None:
        self._sink.emit(self.unit.run_id, event)
