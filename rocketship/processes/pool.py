"""Children that are kept for the next piece of work: starting one takes far longer than most work.

A child whose work failed, ran out of time or was cancelled is killed; only one that is idle again
is kept. Work that takes long does not keep short work waiting: it counts against the number of
processors for a moment only.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from rocketship.processes.child import Child

#: How many children one pool has at most, whatever they do.
MAX_CHILDREN = 64
#: How many of them it keeps when they are idle.
MAX_IDLE = 4
#: Children only compute, so more at a time than processors gain nothing,
MAX_BRIEF = max(2, os.cpu_count() or 1)
#: unless those who have a turn need longer than this.
TURN_SECONDS = 0.025


class Pool:
    """The children of one program and one event loop.

    Args:
        program: The program, as `Child` takes it.
        arguments: What it is started with.
    """

    def __init__(self, program: Path, arguments: Sequence[str] = ()) -> None:
        self._program = program
        self._arguments = arguments
        self._idle: list[Child] = []
        self._places = asyncio.Semaphore(MAX_CHILDREN)
        self._turns = asyncio.Semaphore(MAX_BRIEF)
        # The last resort, for whoever forgets to close.
        weakref.finalize(self, _end, self._idle)

    @asynccontextmanager
    async def child(self) -> AsyncIterator[Child]:
        """Lend a child that is ready; it is killed when the block is left by an exception.

        Raises:
            EOFError: The program ended instead of getting ready.
        """
        async with self._places, self._turn():
            child = self._next()
            try:
                await child.ready()
                yield child
            except BaseException:
                child.kill()
                raise
            if len(self._idle) < MAX_IDLE:
                self._idle.append(child)
            else:
                child.kill()

    def close(self) -> None:
        """End the children that are idle."""
        _end(self._idle)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        await self._turns.acquire()
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                self._turns.release()

        timer = asyncio.get_running_loop().call_later(TURN_SECONDS, give_back)
        try:
            yield
        finally:
            timer.cancel()
            give_back()

    def _next(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            child.kill()
        return Child(self._program, self._arguments)


def _end(idle: list[Child]) -> None:
    while idle:
        idle.pop().kill()
