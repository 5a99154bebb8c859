"""Scripts that leave the group of processes they were started in, and go on writing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.workbench import Running, Workbench, case, suite
from tests.plugins.script.processes import Watched

#: Leads a session of its own, is nobody's child, and does not end when asked to.
ESCAPE = """\
setsid sh -c '
    (trap "" TERM HUP INT; while :; do echo more >> written; sleep 0.01; done) >/dev/null 2>&1 &
    echo $! > pid'
"""


def begin(bench: Workbench, **config: Any) -> tuple[Running, Watched]:
    """Start a run whose script has escaped, and return both once it has."""
    word = bench.say("away", "while :; do sleep 0.01; done", config=config)
    escape = bench.say("begun", ESCAPE)["config"]["script"]
    word["config"]["script"] = f"{escape}\n{word['config']['script']}"
    tidy = {"always": [bench.say("tidy")]}
    bench.write("shop.yaml", suite(case("A", word, cleanup=tidy)))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("away")
    return running, Watched(int((bench.folder / "pid").read_text()))


def test_escaped_process_ends_with_a_step_that_took_too_long(bench: Workbench):
    running, escaped = begin(bench, timeout="1s")

    assert running.end().code == 1

    assert escaped.gone(0)
    assert (bench.folder / "written").exists()
    assert bench.words() == ["begun", "away", "tidy"]


@pytest.mark.parametrize("interrupts", [1, 3])
def test_escaped_process_ends_with_a_run_that_is_cancelled(bench: Workbench, interrupts: int):
    running, escaped = begin(bench)

    for _ in range(interrupts):
        running.interrupt()

    assert running.end().code == 130
    assert escaped.gone()


def test_escaped_process_ends_with_a_process_that_is_killed(bench: Workbench):
    running, escaped = begin(bench)

    running.kill()

    assert escaped.gone()
    assert "has ended: FAILED" in bench.run("list").err
    assert bench.words() == ["begun", "away", "tidy"]
