"""The process groups of this process's children, and what makes sure that they end with it.

A group of its own hears no Ctrl-C, and outlives this process unless somebody ends it. So there is a
guard, a small process that knows the groups, too: when this process is gone, however it went, the
guard kills what it left. What has left its group is known by its mark
(`rocketship.processes.marks`).
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from rocketship.processes import marks

# Told by lines such as `+ 123 f00d` and `- 123 f00d`; the end of its input means that we are gone.
# Written for the plainest shell, which starts in a millisecond. It looks for marks three times, as
# what it kills may have forked meanwhile.
_GUARD = """\
trap '' HUP INT QUIT TERM
groups=' '
while read -r sign group mark; do
    case $sign in
        +) groups="$groups$group:$mark " ;;
        -) groups="${groups%%" $group:$mark "*} ${groups#*" $group:$mark "}" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-${group%%:*}"; done
for look in 1 2 3; do
    for group in $groups; do
        mark=${group#*:}
        [ "$mark" ] || continue
        for file in $(grep -ls "@VARIABLE@=$mark" /proc/[0-9]*/environ); do
            process=${file#/proc/}
            kill -s KILL "${process%/environ}"
        done
    done
done
""".replace("@VARIABLE@", marks.VARIABLE)

#: How much likelier than this process a child is chosen when memory runs out (1000 is certain).
_EXPENDABLE = "500"

#: The marks of what the groups belong to, or nothing.
_groups: dict[int, str] = {}
_guard: subprocess.Popen[bytes] | None = None


def add(group: int, mark: str = "") -> None:
    """Remember a process group that must not outlive this process, nor what carries its mark.

    When memory runs out, what it starts from now on is more expendable than this process.
    """
    _groups[group] = mark
    with suppress(OSError):  # not Linux, or gone already
        Path(f"/proc/{group}/oom_score_adj").write_text(_EXPENDABLE)
    _tell(f"+ {group} {mark}\n")


def discard(group: int) -> None:
    """Forget a process group that has ended, or may live on."""
    if (mark := _groups.pop(group, None)) is not None:
        _tell(f"- {group} {mark}\n")


def kill_all() -> None:
    """End every group there is, without waiting for anything."""
    for group, mark in _groups.items():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        if mark:
            marks.kill(mark)


def _tell(line: str) -> None:
    global _guard
    if _guard is None or _guard.poll() is not None:
        try:
            _guard = _start()
        except OSError:
            # Where there is no shell there is no guard, and everything else still works.
            return
        line = "".join(f"+ {group} {mark}\n" for group, mark in _groups.items())
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
