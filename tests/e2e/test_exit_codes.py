"""What the shell learns: the exit code, and what goes to which stream."""

from __future__ import annotations

import json

import pytest

from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.workbench import Workbench, case, fail, log, suite


def test_passed_run_exits_zero_and_says_so_on_stdout_only(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello"))))

    ended = bench.run("run", "shop.yaml")

    assert ended.code == 0
    assert "[Shop] [A] [Log] hello" in ended.out
    assert "✓ Passed Tests: 1" in ended.out
    assert ended.err == ""


def test_failed_run_exits_one_and_shows_why_on_stdout(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello")), case("B", fail())))

    ended = bench.run("run", "shop.yaml")

    assert ended.code == 1
    assert "✗ B\n" in ended.out
    assert "wrong" in ended.out
    assert "✗ Failed Tests: 1" in ended.out
    assert ended.err == ""


def test_timed_out_run_exits_one(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.hold("stuck"))))

    ended = bench.run("run", "shop.yaml", "--timeout", "300ms")

    assert ended.code == 1
    assert bench.result(bench.run_ids()[0])["status"] == "TIMEOUT"


def test_run_without_an_executed_test_exits_one(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello"), skip="later")))

    ended = bench.run("run", "shop.yaml")

    assert ended.code == 1
    assert "no test was executed" in ended.out


def test_run_that_an_engine_refuses_exits_three_without_totals(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello"))))
    asking = {"ROCKETSHIP_AUTH_MODE": "token", "ROCKETSHIP_ENGINE_TOKEN": "rst_self_" + "e" * 43}
    engine = EngineProcess(bench.folder / "engine", asking)
    try:
        engine.start()
        ended = bench.run("run", "shop.yaml", "--engine", f"127.0.0.1:{engine.grpc_port}")
    finally:
        engine.close()

    assert (ended.code, ended.out) == (3, "")
    assert "a bearer token is needed" in ended.err
    assert "hint: set ROCKETSHIP_TOKEN" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "missing.yaml"], "missing.yaml: no such file or directory"),
        (["run"], "no suite files in"),
        (["run", "shop.yaml", "--test", "Z*"], "no test matches the selection"),
        (["run", "shop.yaml", "--tag", "a and"], "tag"),
        (["run", "shop.yaml", "--timeout", "soon"], "--timeout"),
        (["run", "shop.yaml", "--concurrency", "0"], "--concurrency"),
        (["run", "shop.yaml", "--var", "novalue"], "novalue"),
        (["run", "shop.yaml", "--var-file", "missing.json"], "missing.json"),
        (["run", "shop.yaml", "--env-file", "missing.env"], "missing.env"),
        (["run", "shop.yaml", "--report", "pdf=x"], "pdf"),
        (["run", "shop.yaml", "--output", "loud"], "loud"),
        (["run", "shop.yaml", "--unknown"], "--unknown"),
        (["launch"], "launch"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--status", "odd"], "odd"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_error_exits_two_and_names_the_culprit_on_stderr(bench: Workbench, arguments, said):
    if "shop.yaml" in arguments:
        bench.write("shop.yaml", suite(case("A", log("hello"))))

    ended = bench.run(*arguments)

    assert ended.code == 2
    assert said in ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err


def test_invalid_suite_exits_two_with_every_problem_and_runs_nothing(bench: Workbench):
    bench.write("bad.yaml", {"name": "Bad", "test": [], "tests": [case("A", {"plugin": "htp"})]})
    bench.write("good.yaml", suite(case("A", bench.say("ran"))))

    ended = bench.run("run", "bad.yaml", "good.yaml")

    assert ended.code == 2
    assert "bad.yaml:3" in ended.err
    assert "htp" in ended.err
    assert "nothing was run" in ended.err
    assert ended.out == ""
    assert bench.words() == []
    assert bench.run_ids() == []


def test_unknown_key_can_be_allowed(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello")), comment="free text"))

    refused = bench.run("run", "shop.yaml")
    allowed = bench.run("run", "shop.yaml", "--allow-unknown-keys")

    assert refused.code == 2
    assert "comment" in refused.err
    assert allowed.code == 0, allowed.err
    assert "comment" in allowed.err


def test_json_output_is_json_lines_on_stdout_and_nothing_else(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello")), case("B", fail())))

    ended = bench.run("run", "shop.yaml", "--output", "json")

    documents = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 1
    assert len(documents) > 5
    assert ended.err == ""
    assert documents[-1]["runs"][0]["status"] == "FAILED"
