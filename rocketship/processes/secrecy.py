"""Keeps the environment and the memory of this process from others of the same user.

The engine's environment holds its keys and passwords, and on Linux a process may read the
environment of any other of its user: a script of a suite that of the engine. A process can refuse
that, at the price of core dumps. Nothing is refused to root, and other systems ask for more anyway.
"""

from __future__ import annotations

import sys

#: See prctl(2).
_SET_DUMPABLE = 4


def keep_others_out() -> None:
    """Refuse to be read by other processes from now on; children begin anew."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
