"""A fault of our own, put into a real process: it ends as a message, never as a riddle."""

from __future__ import annotations

import os

import pytest

from tests.fixtures.workbench import Workbench, case, log, suite

#: Python imports a module of this name at its start.
SABOTAGE = """
from rocketship.runtime.embedded import execution

async def run_unit(job, host):
    raise RuntimeError("surprise")

execution.run_unit = run_unit
"""


@pytest.mark.parametrize("debug", [False, True])
def test_fault_of_the_engine_exits_three_with_a_message(bench: Workbench, debug: bool):
    bench.write("sabotage/sitecustomize.py", SABOTAGE)
    path = os.pathsep.join((str(bench.folder / "sabotage"), bench.environment["PYTHONPATH"]))
    flags = ("--debug",) if debug else ()
    cleanup = {"always": [bench.say("close")]}
    bench.write("shop.yaml", suite(case("A", log("a")), cleanup=cleanup))

    ended = bench.run(*flags, "run", "shop.yaml", env={"PYTHONPATH": path})

    assert ended.code == 3
    assert "error: the engine failed: RuntimeError: surprise\n" in ended.err
    assert ("Traceback" in ended.err) is debug
    assert bench.result(bench.run_ids()[0])["status"] == "FAILED"
    assert bench.words() == ["close"]


def test_fault_that_comes_back_ends_the_run_for_good(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a"))))
    bench.write("sabotage/sitecustomize.py", SABOTAGE)
    path = os.pathsep.join((str(bench.folder / "sabotage"), bench.environment["PYTHONPATH"]))
    environment = {"PYTHONPATH": path}
    bench.run("run", "shop.yaml", env=environment)

    again = bench.run("list", env=environment)
    after = bench.run("list", env=environment)

    assert "could not be finished: the engine failed: RuntimeError: surprise" in again.err
    assert (after.code, after.err) == (0, "")
    assert "FAILED" in after.out
