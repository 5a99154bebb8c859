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


def children() -> set[int]:
    """Return the process ids of this process's children."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(pid) for listed in lists for pid in listed.read_text().split()}
