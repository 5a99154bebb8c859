"""The process groups of this process's children, and what makes sure that they end with it.

A group of its own hears no Ctrl-C, and outlives this process unless somebody ends it. So there is a
guard, a small process that knows the groups, too: when this process is gone, however it went, the
guard kills what it left.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

# Told by lines such as `+ 123` and `- 123`; the end of its input means that we are gone. Written
# for the plainest shell, which starts in a millisecond.
_GUARD = """\
trap '' HUP INT QUIT TERM
groups=' '
while read -r sign group; do
    case $sign in
        +) groups="$groups$group " ;;
        -) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
"""

#: How much likelier than this process a child is chosen when memory runs out (1000 is certain).
_EXPENDABLE = "500"

_groups: set[int] = set()
_guard: subprocess.Popen[bytes] | None = None


def add(group: int) -> None:
    """Remember a process group that must not outlive this process.

    When memory runs out, what it starts from now on is more expendable than this process.
    """
    _groups.add(group)
    with suppress(OSError):  # not Linux, or gone already
        Path(f"/proc/{group}/oom_score_adj").write_text(_EXPENDABLE)
    _tell(f"+ {group}\n")


def discard(group: int) -> None:
    """Forget a process group that has ended, or may live on."""
    if group in _groups:
        _groups.discard(group)
        _tell(f"- {group}\n")


def kill_all() -> None:
    """End every group there is, without waiting for anything."""
    for group in _groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _tell(line: str) -> None:
    global _guard
    if _guard is None or _guard.poll() is not None:
        try:
            _guard = _start()
        except OSError:
            # Where there is no shell there is no guard, and everything else still works.
            return
        line = "".join(f"+ {group}\n" for group in sorted(_groups))
    assert _guard.stdin is not None
    try:
        _guard.stdin.write(line.encode())
    except BrokenPipeError:
        # Somebody has just ended it; the next word starts another.
        return


def _start() -> subprocess.Popen[bytes]:
    guard = subprocess.Popen(
        ["sh", "-c", _GUARD],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        start_new_session=True,
    )
    atexit.register(_dismiss, guard)
    return guard


def _dismiss(guard: subprocess.Popen[bytes]) -> None:
    assert guard.stdin is not None
    guard.stdin.close()
    guard.wait()
