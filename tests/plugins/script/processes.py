"""Looking at processes from outside."""

from __future__ import annotations

import os
import select
from pathlib import Path


class Watched:
    """A process that was seen alive."""

    def __init__(self, pid: int) -> None:
        self._descriptor = os.pidfd_open(pid)

    def gone(self, within_seconds: float = 3.0) -> bool:
        """Return whether the process has ended, now or soon."""
        readable, _, _ = select.select([self._descriptor], [], [], within_seconds)
        os.close(self._descriptor)
        return bool(readable)


# Servers that other tests of the same process have started.
_others: set[int] = set()


def ignore_others() -> None:
    """Leave the children there are now out of account."""
    _others.clear()
    _others.update(children())


def children() -> set[int]:
    """Return the process ids of this process's children, those of other tests left out."""
    lists = Path("/proc/self/task").glob("*/children")
    found = {int(pid) for listed in lists for pid in listed.read_text().split()} - _others
    return {pid for pid in found if not _is_guard(pid)}


def _is_guard(pid: int) -> bool:
    """Return whether a process is the one that ends our children after us."""
    try:
        return b"read -r sign group" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
