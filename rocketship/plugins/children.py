"""The process groups that steps run in, so that a process that leaves at once leaves none behind.

A group of its own hears no Ctrl-C, and outlives this process unless somebody ends it.
"""

from __future__ import annotations

import os
import signal

_groups: set[int] = set()


def add(group: int) -> None:
    """Remember a process group."""
    _groups.add(group)


def discard(group: int) -> None:
    """Forget a process group that has ended."""
    _groups.discard(group)


def kill_all() -> None:
    """End every group there is, without waiting for anything."""
    for group in _groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
