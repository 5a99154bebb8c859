"""Blocking work in a thread of its own, so that a database that hangs delays nobody else.

Not an executor of the standard library: those are joined when the process ends, and a thread that
waits for a dead server would keep the process from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class WorkThread:
    """Carries out calls one after the other, always in the same thread."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = (
            SimpleQueue()
        )
        threading.Thread(target=self._work, name="rocketship-sql", daemon=True).start()

    async def call(self, job: Callable[[], T]) -> T:
        """Return what the call returns; cancelling only stops waiting for it."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put((future, job))
        return await future

    def close(self, last: Callable[[], None] | None = None) -> None:
        """End the thread after its present call and one last one, without waiting for it."""
        if last is not None:
            self._jobs.put((asyncio.get_running_loop().create_future(), last))
        self._jobs.put(None)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            future, job = item
            try:
                result, error = job(), None
            except Exception as raised:  # it belongs to whoever awaits the call
                result, error = None, raised
            try:
                future.get_loop().call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:
                # The event loop has ended, and nobody waits any more.
                continue


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
