"""A run whose processes are killed again and again, at moments nobody chose."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter

import pytest

from rocketship.run.events import Event, RunFinished, StepFinished, TestFinished, TestStarted
from tests.fixtures.workbench import Running, Workbench, case, fail, log, suite

#: How many steps a process does before it is killed, and how long it lives on after the last.
MOST_WORDS, LONGEST_SECONDS = 5, 0.08
ROUNDS = 4


def write_suite(bench: Workbench) -> None:
    def steps(unit: str) -> list[dict[str, object]]:
        return [bench.say(f"{unit}-1", "sleep 0.03"), log("safe"), bench.say(f"{unit}-2")]

    def cleanup(unit: str) -> dict[str, object]:
        return {
            "on_failure": [bench.say(f"{unit}-failed")],
            "always": [bench.say(f"{unit}-free", "sleep 0.03"), bench.say(f"{unit}-gone")],
        }

    tests = [case(unit, *steps(unit), cleanup=cleanup(unit)) for unit in ("a", "b")]
    tests.append(case("c", *steps("c"), fail(), cleanup=cleanup("c")))
    bench.write("shop.yaml", suite(*tests, init=[bench.say("seed")], cleanup=cleanup("suite")))


def survives(bench: Workbench, running: Running, luck: random.Random) -> bool:
    """Kill a process soon after it did some steps; return whether it had ended before."""
    goal = len(bench.words()) + luck.randint(1, MOST_WORDS)
    while len(bench.words()) < goal:
        if running.process.poll() is not None:
            return True
        time.sleep(0.001)
    try:
        running.process.wait(luck.uniform(0, LONGEST_SECONDS))
    except subprocess.TimeoutExpired:
        running.kill()
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("recovery", ["cleanup", "resume"])
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_promises_hold_whenever_processes_are_killed(bench: Workbench, seed: int, recovery: str):
    luck = random.Random(f"{recovery}-{seed}")
    environment = {"ROCKETSHIP_RECOVERY": recovery}
    write_suite(bench)
    arguments: tuple[str, ...] = ("run", "shop.yaml", "--concurrency", "2")
    kills = 0
    while not survives(bench, bench.start(*arguments, env=environment), luck):
        kills += 1
        arguments = ("list",)

    assert bench.run("list", env=environment).code == 0
    (run_id,) = bench.run_ids()
    check(bench.events(run_id), Counter(bench.words()), kills)


def check(events: list[Event], words: Counter[str], kills: int) -> None:
    """Check what is promised, from the record and from what steps did."""
    assert sum(isinstance(event, RunFinished) for event in events) == 1
    assert isinstance(events[-1], RunFinished)
    told = Counter(event.unit for event in events if isinstance(event, TestFinished))
    assert told == dict.fromkeys(("init", "t-0", "t-1", "t-2", "cleanup"), 1)
    finished = Counter(
        (event.unit, event.path) for event in events if isinstance(event, StepFinished)
    )
    assert set(finished.values()) == {1}

    begun = {event.unit for event in events if isinstance(event, TestStarted)}
    names = {"t-0": "a", "t-1": "b", "t-2": "c"}
    for unit, name in names.items():
        main = [words[f"{name}-1"], words[f"{name}-2"]]
        cleanup = [words[f"{name}-free"], words[f"{name}-gone"]]
        assert max(main) <= 1, "a step that may do harm was repeated"
        if unit in begun:
            assert min(cleanup) >= 1, "a test that had begun was not cleaned up"
        assert max(cleanup) <= 1 + kills
    assert words["seed"] <= 1
    assert min(words["suite-free"], words["suite-gone"]) >= 1
