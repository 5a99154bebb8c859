"""What becomes of children when the process that started them is killed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.plugins.script.processes import Watched

_OWNER = """
import asyncio, sys
from rocketship.plugins.script.plugin import Script
from tests.plugins.calls import Lines, make_call

log = Lines(on_line=lambda line: print(line.message, flush=True))
config = {{"language": {language!r}, "script": {script!r}}}
asyncio.run(Script().run(make_call(Script(), config, log=log)))
"""
_PYTHON = """
import os, subprocess
print(subprocess.Popen(["sleep", "100"]).pid)
print(os.getpid())
while True:
    pass
"""
# Leads a session of its own, below a parent that has ended.
_STRAY = "setsid sh -c 'sleep 100 >&2 & echo $!'"
_CALLER = """
import asyncio, os
from rocketship.processes.call import call
from tests.processes.test_call import spin, where

async def main():
    print(await call(5, where), flush=True)
    await call(60, spin)

asyncio.run(main())
"""


def owner(program: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


@pytest.mark.parametrize(
    ("language", "script"),
    [
        ("shell", "trap '' TERM HUP INT; sleep 100 & echo $!; echo $$; while :; do :; done"),
        ("shell", "sh -c 'echo $$; exec sleep 100' & sleep 0.1; echo $$; exec sleep 100"),
        ("python", _PYTHON),
        ("shell", f"{_STRAY}; echo $$; wait; sleep 100"),
    ],
)
def test_script_and_what_it_started_end_with_a_killed_owner(language: str, script: str):
    with owner(_OWNER.format(language=language, script=script)) as process:
        assert process.stdout is not None
        watched = [Watched(int(process.stdout.readline())) for _ in range(2)]
        process.kill()
        process.wait()
        assert [one.gone() for one in watched] == [True, True]


def test_call_ends_with_a_killed_owner():
    with owner(_CALLER) as process:
        assert process.stdout is not None
        watched = Watched(int(process.stdout.readline()))
        process.kill()
        process.wait()
        assert watched.gone()


def test_background_process_of_a_finished_step_lives_on():
    script = "sleep 100 & echo $!"
    with owner(_OWNER.format(language="shell", script=script) + "\ninput()\n") as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        watched = Watched(pid)
        assert process.stdin is not None
        # The step is over once the owner reads its input.
        process.stdin.write(b"\n")
        process.stdin.close()
        process.wait()
        assert not watched.gone(within_seconds=0.5)
        subprocess.run(["kill", "-9", str(pid)], check=True)
