"""Processes that misbehave: each is read, bounded and ended, and none is left behind."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import pytest

from rocketship.errors import StepTimeout
from rocketship.plugins import Outcome
from rocketship.plugins.script.plugin import Script
from tests.plugins.calls import Line, Lines, make_call, run_step
from tests.plugins.script.processes import Watched, children


def run(
    script: str, *, language: str = "shell", log: Lines | None = None, **config: Any
) -> Outcome:
    return run_step(
        Script(), {"language": language, "script": script, **config}, log=log or Lines()
    )


def run_until_cancelled(script: str, language: str) -> list[Watched]:
    """Cancel the step when it prints `ready`; return the processes whose ids it printed before."""

    async def main() -> list[Watched]:
        ready = asyncio.Event()
        found: list[Watched] = []

        def on_line(line: Line) -> None:
            if line.message == "ready":
                ready.set()
            else:
                found.append(Watched(int(line.message)))

        plugin = Script()
        config = {"language": language, "script": script}
        call = make_call(plugin, config, log=Lines(on_line=on_line))
        step = asyncio.create_task(plugin.run(call))
        await ready.wait()
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        return found

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("language", "script"),
    [
        ("shell", "echo $$; sleep 60 & echo $!; echo ready; wait"),
        ("shell", "setsid sh -c 'sleep 60 >&2 & echo $!'; echo $$; echo ready; wait; sleep 60"),
        (
            "shell",
            """
setsid sh -c '(trap "" TERM; while :; do sleep 1; done) >&2 & echo $!'
echo $$; echo ready; while :; do :; done
""",
        ),
        ("shell", "trap '' TERM; echo $$; sleep 60 & echo $!; echo ready; while :; do wait; done"),
        (
            "python",
            """
import os, subprocess
print(os.getpid())
print(subprocess.Popen(['sleep', '60']).pid)
print('ready')
while True: pass
""",
        ),
        (
            "python",
            """
import os, subprocess
print(os.getpid())
print(subprocess.Popen(['sleep', '60'], start_new_session=True).pid)
print('ready')
while True: pass
""",
        ),
    ],
)
def test_cancelled_process_is_gone_with_its_children(language: str, script: str) -> None:
    begun = time.monotonic()
    processes = run_until_cancelled(script, language)
    assert [process.gone() for process in processes] == [True, True]
    assert time.monotonic() - begun < 5
    assert children() == set()


def test_timeout_ends_the_group_and_keeps_the_results() -> None:
    outcome = run("echo $$; sleep 60 & echo $!; wait", timeout="400ms")
    assert isinstance(outcome.failure, StepTimeout)
    assert outcome.failure.message == "the script took longer than 400ms and was stopped"
    assert outcome.saved["exit_code"] == 143
    assert len(str(outcome.saved["stdout"]).split()) == 2
    assert children() == set()


def test_process_that_ignores_sigterm_is_killed() -> None:
    outcome = run("trap '' TERM; while :; do sleep 60; done", timeout="100ms")
    assert isinstance(outcome.failure, StepTimeout)
    assert outcome.saved["exit_code"] == 137


def test_process_gets_the_chance_to_clean_up() -> None:
    script = "trap 'echo cleaned; exit 0' TERM; echo up; while :; do sleep 0.01; done"
    outcome = run(script, timeout="500ms")
    assert outcome.saved["stdout"] == "up\ncleaned\n"
    assert isinstance(outcome.failure, StepTimeout)


def test_process_that_has_left_the_group_gets_the_chance_to_clean_up() -> None:
    stray = "trap 'echo cleaned; exit 0' TERM; echo up; while :; do sleep 0.01; done"
    outcome = run(f'setsid sh -c "({stray}) &"; while :; do sleep 0.01; done', timeout="1s")
    assert outcome.saved["stdout"] == "up\ncleaned\n"


def test_background_process_that_holds_the_outputs_does_not_hold_the_step() -> None:
    begun = time.monotonic()
    outcome = run("sleep 60 & echo $!")
    pid = int(str(outcome.saved["stdout"]))
    watched = Watched(pid)
    assert time.monotonic() - begun < 5
    assert outcome.failure is None
    os.kill(pid, 9)
    assert watched.gone()


def test_outputs_larger_than_a_pipe_and_a_limit_neither_block_nor_pile_up() -> None:
    log = Lines()
    script = "head -c 5242880 /dev/zero | tr '\\0' x >&2; seq 1 200000; echo done >&2"
    outcome = run(script, log=log)
    assert outcome.failure is None
    assert outcome.saved["stderr"] == "x" * 1048576
    assert len(str(outcome.saved["stdout"])) == 1048576
    notes = ["only the first 1 MiB is kept", "from here on only the last 100 lines are shown"]
    assert log.of("stderr")[:2] == [f"stderr: {note}" for note in notes]
    assert log.of("stderr")[2:] == ["…" + "x" * 7995 + "done"]
    assert log.of("stdout")[999] == "1000"
    assert log.of("stdout")[1000:1002] == [f"stdout: {note}" for note in reversed(notes)]
    assert log.of("stdout")[1002:] == [str(number) for number in range(199901, 200001)]


@pytest.mark.parametrize(
    ("script", "count"),
    [("seq 1000", 1000), ("seq 1001", 1002), ("seq 999; printf x", 1000), ("seq 5000", 1101)],
)
def test_beginning_and_end_of_a_long_output_are_shown(script: str, count: int) -> None:
    log = Lines()
    text = str(run(script, log=log).saved["stdout"])
    assert len(log.all) == count
    assert log.all[-1].message == text.split()[-1]


def test_output_that_is_not_shown_whole_is_part_of_the_response() -> None:
    assert run("seq 1000; printf '%8000s' x >&2").response == {"exit_code": 0}
    outcome = run("seq 1500; echo few >&2; exit 1")
    assert outcome.response == {"exit_code": 1, "stdout": outcome.saved["stdout"]}
    outcome = run("printf '%8001s' x >&2")
    assert outcome.response == {"exit_code": 0, "stderr": outcome.saved["stderr"]}


def test_output_that_is_not_utf8_is_shown_with_replacements() -> None:
    assert run("printf 'a\\377b'").saved["stdout"] == "a\ufffdb"


def test_process_that_never_reads_its_input_ends_normally() -> None:
    outcome = run("exit 0\n" + "# padding\n" * 200_000)
    assert outcome.failure is None


def test_lines_are_shown_while_the_process_runs() -> None:
    assert run_until_cancelled("echo ready; sleep 60", "shell") == []


def test_loop_stays_responsive_while_python_burns() -> None:
    async def main() -> float:
        plugin = Script()
        config = {"language": "python", "script": "while True: pass", "timeout": "400ms"}
        step = asyncio.create_task(plugin.run(make_call(plugin, config)))
        clock, worst = asyncio.get_running_loop().time, 0.0
        while not step.done():
            before = clock()
            await asyncio.sleep(0.005)
            worst = max(worst, clock() - before)
        return worst

    assert asyncio.run(main()) < 0.3
