"""Two command lines that run suites at once in one data folder."""

from __future__ import annotations

import json
from typing import Any

from rocketship.run.events import StepFinished, TestFinished
from tests.fixtures.workbench import Running, Workbench, case, log, suite

TESTS, STEPS = 40, 5


def begin(bench: Workbench, name: str) -> Running:
    """Start a run that holds in the middle of its only test."""
    steps = [bench.say(f"{name}-begins"), bench.hold(f"{name}-holds"), bench.say(f"{name}-ends")]
    cleanup = {"always": [bench.say(f"{name}-tidies")]}
    written = suite(case(name, *steps, cleanup=cleanup)) | {"name": name}
    bench.write(f"{name}.yaml", written)
    running = bench.start("run", f"{name}.yaml")
    bench.wait_for(f"{name}-holds")
    return running


def listed(bench: Workbench) -> dict[str, dict[str, Any]]:
    """Return the runs that another process sees, by suite."""
    ended = bench.run("list", "--format", "json")
    assert ended.code == 0, ended.err
    return {run["suite"]: run for run in json.loads(ended.out)["runs"]}


def statuses(bench: Workbench) -> dict[str, str]:
    return {name: run["status"] for name, run in listed(bench).items()}


def said(bench: Workbench, name: str) -> list[str]:
    return [word.removeprefix(f"{name}-") for word in bench.words() if word.startswith(name)]


def test_runs_of_two_processes_keep_apart(bench: Workbench):
    first, second = begin(bench, "first"), begin(bench, "second")
    assert statuses(bench) == {"first": "RUNNING", "second": "RUNNING"}

    bench.release("second-holds")
    assert second.end().code == 0
    assert statuses(bench) == {"first": "RUNNING", "second": "PASSED"}
    bench.release("first-holds")
    assert first.end().code == 0

    for name, run in listed(bench).items():
        assert run["status"] == "PASSED"
        assert said(bench, name) == ["begins", "holds", "ends", "tidies"]
        bench.check_told_once(run["run_id"])
        steps = [item for item in bench.events(run["run_id"]) if isinstance(item, StepFinished)]
        assert {step.name.partition("-")[0] for step in steps} == {name}


def test_lost_process_leaves_the_run_of_its_neighbour_alone(bench: Workbench):
    first, second = begin(bench, "first"), begin(bench, "second")

    first.kill()

    assert statuses(bench) == {"first": "FAILED", "second": "RUNNING"}
    assert said(bench, "first") == ["begins", "holds", "tidies"]
    bench.release("second-holds")
    assert second.end().code == 0
    assert said(bench, "second") == ["begins", "holds", "ends", "tidies"]
    assert statuses(bench) == {"first": "FAILED", "second": "PASSED"}


def test_next_run_cleans_up_after_a_lost_neighbour_and_does_its_own_work(bench: Workbench):
    first = begin(bench, "first")
    first.kill()

    second = begin(bench, "second")
    bench.release("second-holds")
    ended = second.end()

    assert ended.code == 0
    assert "has ended: FAILED" in ended.err
    assert said(bench, "first") == ["begins", "holds", "tidies"]
    assert statuses(bench) == {"first": "FAILED", "second": "PASSED"}


def test_run_that_is_deleted_is_not_that_of_the_neighbour(bench: Workbench):
    bench.write("old.yaml", suite(case("A", log("a"))) | {"name": "old"})
    bench.run("run", "old.yaml")
    running = begin(bench, "first")
    runs = listed(bench)

    deleted = bench.run("delete", runs["old"]["run_id"])
    refused = bench.run("delete", runs["first"]["run_id"])

    assert deleted.code == 0, deleted.err
    assert refused.code == 2, refused.err
    bench.release("first-holds")
    assert running.end().code == 0
    assert statuses(bench) == {"first": "PASSED"}


def test_every_event_of_two_busy_processes_is_kept(bench: Workbench):
    names = ("first", "second")
    for name in names:
        tests = [case(f"T{n}", *(log(f"{name} {n}") for _ in range(STEPS))) for n in range(TESTS)]
        bench.write(f"{name}.yaml", suite(*tests) | {"name": name})
    running = [bench.start("run", f"{name}.yaml", "--concurrency", "8") for name in names]

    assert [(one.end().code, one.err) for one in running] == [(0, ""), (0, "")]

    for name, run in listed(bench).items():
        events = bench.events(run["run_id"])
        assert sum(isinstance(event, TestFinished) for event in events) == TESTS
        assert sum(isinstance(event, StepFinished) for event in events) == TESTS * STEPS
        assert run["status"] == "PASSED", name
        bench.check_told_once(run["run_id"])
