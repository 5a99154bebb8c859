"""What Ctrl-C does while suites run: first cancel, then stop waiting, then leave at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from rocketship.cli.console import Console

EXIT_CANCELLED = 130


class InterruptLadder:
    """Counts SIGINT and SIGTERM.

    Args:
        cancel: Called for the first signal: asks the engine to cancel every run.
    """

    def __init__(self, console: Console, cancel: Callable[[], Awaitable[None]]) -> None:
        self._console = console
        self._cancel = cancel
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.stop_waiting = asyncio.Event()

    def __enter__(self) -> InterruptLadder:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    @property
    def interrupted(self) -> bool:
        """Whether at least one signal came."""
        return self._count > 0

    def _signalled(self) -> None:
        self._count += 1
        if self._count == 1:
            self._console.note(
                "Cancelling; cleanup steps still run. Press Ctrl-C again to stop waiting for them."
            )
            task = asyncio.ensure_future(self._run_cancel())
            self._tasks.add(task)
        elif self._count == 2:
            self._console.note(
                "No longer waiting; the next rocketship command finishes the cleanup."
            )
            self.stop_waiting.set()
        else:
            os._exit(EXIT_CANCELLED)

    async def _run_cancel(self) -> None:
        await self._cancel()
