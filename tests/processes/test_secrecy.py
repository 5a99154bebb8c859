"""What a process keeps from others of its user."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

#: Prints whether a child can read this process, before and after others are kept out. Root may read
#: everything, so it becomes somebody else, which keeps others out already, until that is undone.
PROGRAM = """
import ctypes, os, subprocess
from rocketship.processes.secrecy import keep_others_out

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)

def child_can_read(name):
    command = ["cat", f"/proc/{os.getpid()}/{name}"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0

print(child_can_read("environ"))
keep_others_out()
print(child_can_read("environ"), child_can_read("stat"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets processes be read by others")
def test_environment_is_kept_from_others_of_the_same_user() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["True", "False", "True"]
