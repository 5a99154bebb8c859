"""Finding the descendants of a script, wherever they went.

A process that makes itself the leader of a session of its own is in no group we know, and one whose
parent has ended has no parent we know. Both still have the environment they were started with, and
in it the mark of their script. Only Linux shows it; elsewhere nobody is found.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

#: The variable that holds the mark; scripts get others with other beginnings.
VARIABLE = "_ROCKETSHIP_SCRIPT"
#: How often to look again for what was forked between the look and the kill.
MAX_LOOKS = 20

_PROCESSES = Path("/proc")


def new_mark() -> str:
    """Return a mark that no other script has."""
    return os.urandom(8).hex()


def carriers(mark: str) -> list[int]:
    """Return the processes that have a mark."""
    if sys.platform != "linux":
        return []
    return [int(name) for name in os.listdir(_PROCESSES) if name.isdecimal() and has(name, mark)]


def has(process: int | str, mark: str) -> bool:
    """Return whether a process is there and has a mark."""
    try:
        environment = (_PROCESSES / str(process) / "environ").read_bytes()
    except OSError:  # gone, or another user's
        return False
    # A process that has ended has none, also while nobody has waited for it yet.
    return f"{VARIABLE}={mark}".encode() in environment.split(b"\0")


def send(process: int, number: int) -> bool:
    """Send a signal to a process; return whether it is there."""
    try:
        os.kill(process, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def kill(mark: str) -> None:
    """End every process with a mark, and those they start meanwhile."""
    for _ in range(MAX_LOOKS):
        found = carriers(mark)
        for process in found:
            send(process, signal.SIGKILL)
        if not found:
            return
