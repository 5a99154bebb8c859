"""The slots of a worker: one pool for all task queues that it asks.

Temporal's client reserves a slot before it asks a queue for work, and asks for up to a minute. Did
each queue have slots of its own, a worker with labels would take more than it can carry out, and
keep it from those that are idle. Did every question hold one of the slots they share, questions
that nobody answers would hold them all. So a question counts for as long as an answer may be on its
way; then it only waits, and the slot serves another queue.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

#: A queue that has work has answered by then.
ANSWER_SECONDS = 0.1


class Permit(SlotPermit):
    """The right to ask a queue for work and to carry out one unit."""

    def __init__(self, queue: str, at: float) -> None:
        self.queue = queue
        self.at = at
        self.used = False


class SharedSlots(CustomSlotSupplier):
    """Hands permits out to the pollers of all queues, to whoever has waited longest.

    Made inside the event loop that the workers run in. They call from threads of their own, too.

    Args:
        count: Most units at once.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._asking: set[Permit] = set()
        self._used = 0
        self._waiting: dict[asyncio.Future[SlotPermit], str] = {}
        self._later: asyncio.TimerHandle | None = None

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        """Return a permit to ask a queue for work, once it may be asked."""
        future: asyncio.Future[SlotPermit] = self._loop.create_future()
        self._waiting[future] = ctx.task_queue
        self._hand_out()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                # It was handed out while nobody wanted it any more.
                self._take_back(future.result())
            raise
        finally:
            self._waiting.pop(future, None)

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """Return a permit for a unit that the end of another task brings with it, or None."""
        with self._lock:
            return self._permit(ctx.task_queue) if self._spare else None

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Note that a question was answered with work."""
        permit = ctx.permit
        assert isinstance(permit, Permit)
        with self._lock:
            self._asking.discard(permit)
            permit.used = True
            self._used += 1
        self._call_hand_out()

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """Take a permit back whose unit has ended, or whose question had no answer."""
        self._take_back(ctx.permit)

    def _take_back(self, permit: SlotPermit) -> None:
        assert isinstance(permit, Permit)
        with self._lock:
            self._used -= permit.used
            self._asking.discard(permit)
        self._call_hand_out()

    def _call_hand_out(self) -> None:
        # The loop is gone when the process is about to end.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        with self._lock:
            for future, queue in list(self._waiting.items()):
                if not future.done() and self._may_ask(queue):
                    future.set_result(self._permit(queue))
                    del self._waiting[future]
            if self._waiting and self._later is None:
                self._later = self._loop.call_later(ANSWER_SECONDS, self._hand_out_again)

    def _hand_out_again(self) -> None:
        self._later = None
        self._hand_out()

    def _permit(self, queue: str) -> Permit:
        permit = Permit(queue, time.monotonic())
        self._asking.add(permit)
        return permit

    @property
    def _spare(self) -> bool:
        """Whether there is a slot left even if every question is answered with work."""
        return self._used + len(self._asking) < self._count

    def _may_ask(self, queue: str) -> bool:
        if self._spare:
            return True
        since = time.monotonic() - ANSWER_SECONDS
        open_questions = sum(permit.at > since for permit in self._asking)
        if self._used + open_questions >= self._count:
            return False
        return all(permit.queue != queue for permit in self._asking)
