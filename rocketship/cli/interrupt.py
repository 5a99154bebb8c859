"""What Ctrl-C does while suites run: first cancel, then stop waiting, then leave at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from rocketship.cli.console import Console
from rocketship.errors import EXIT_CANCELLED

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def all_like_ctrl_c() -> Iterator[None]:
    """Make SIGTERM and a lost terminal end a command as Ctrl-C does; asyncio must be running."""
    handler = signal.getsignal(signal.SIGINT)
    changed = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        # `nohup` and its like have chosen to ignore a signal; that is not ours to change.
        if callable(handler) and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, handler)
            changed.append(number)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


class InterruptLadder:
    """Counts signals from `arm` until the context is left, with the engine closed.

    Args:
        console: Where to say what a signal does.
        elsewhere: Whether the engine is in another process, which goes on without this one.
    """

    def __init__(self, console: Console, *, elsewhere: bool = False) -> None:
        self._console = console
        self._elsewhere = elsewhere
        self._count = 0
        self._before: dict[signal.Signals, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.stop_waiting = asyncio.Event()

    def __enter__(self) -> InterruptLadder:
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number, handler in self._before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)

    def arm(self, cancel: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Take the signals over; the first calls `cancel`, which cancels every run."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:
                self._before[number] = before
                loop.add_signal_handler(number, self._signalled, cancel)

    @property
    def interrupted(self) -> bool:
        """Whether at least one signal came."""
        return self._count > 0

    def _signalled(self, cancel: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._count += 1
        if self._count == 1:
            self._console.note(
                "Cancelling; cleanup steps still run. Press Ctrl-C again to stop waiting for them."
            )
            self._tasks.add(asyncio.ensure_future(cancel()))
        elif self._count == 2:
            who = "the engine" if self._elsewhere else "the next rocketship command"
            self._console.note(f"No longer waiting; {who} finishes the cleanup.")
            self.stop_waiting.set()
        else:
            _leave_at_once()


def _leave_at_once() -> None:
    from rocketship.processes.groups import kill_all

    kill_all()
    os._exit(EXIT_CANCELLED)
