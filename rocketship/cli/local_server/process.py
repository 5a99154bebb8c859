"""Tells one process from another that later got the same number, so that no stranger is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys


def start_time(pid: int) -> str:
    """Return when a process began, as text that fits only this process; empty without one."""
    if sys.platform == "linux":
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                # The name in parentheses may hold anything; the 22nd field is the start.
                return file.read().rpartition(")")[2].split()[19]
        except (OSError, IndexError):
            return ""
    asked = ["ps", "-o", "lstart=", "-p", str(pid)]
    answered = subprocess.run(asked, capture_output=True, text=True, check=False)
    return answered.stdout.strip()


def terminate(pid: int, started: str) -> bool:
    """Ask a process to end, if it still is the one that began then; return whether it is."""
    if sys.platform != "linux":
        if same := start_time(pid) == started:
            os.kill(pid, signal.SIGTERM)
        return same
    try:
        # From here on the handle stands for this process, whoever gets the number later.
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if start_time(pid) != started:
            return False
        signal.pidfd_send_signal(handle, signal.SIGTERM)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True
