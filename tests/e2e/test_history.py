"""`list`, `get` and `logs`: what other processes see of runs."""

from __future__ import annotations

import json

from tests.fixtures.workbench import Workbench, case, fail, log, suite


def test_list_shows_runs_newest_first_and_filters_them(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a"))))
    bench.write("till.yaml", suite(case("A", fail())) | {"name": "Till"})
    bench.run("run", "shop.yaml", "--branch", "main")
    bench.run("run", "till.yaml")

    lines = bench.run("list").out.splitlines()
    failed = bench.run("list", "--status", "failed").out
    on_main = bench.run("list", "--branch", "main", "--format", "json").out

    assert [line.split()[-1] for line in lines] == ["SUITE", "Till", "Shop"]
    assert "Till" in failed
    assert "Shop" not in failed
    assert [run["suite"] for run in json.loads(on_main)["runs"]] == ["Shop"]


def test_list_without_runs_says_so(bench: Workbench):
    ended = bench.run("list")

    assert (ended.code, ended.out) == (0, "No test runs found.\n")


def test_id_that_list_shows_is_enough_to_get_the_run(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a")), case("B", fail())))
    bench.run("run", "shop.yaml")
    shown = bench.run("list").out.splitlines()[1].split()[0]

    ended = bench.run("get", shown.upper())

    assert ended.code == 0
    assert "✗ B" in ended.out
    assert "wrong" in ended.out
    assert bench.run_ids()[0] in ended.out


def test_command_named_where_output_is_cut_shows_the_rest(bench: Workbench):
    lines = "\n".join(f"console.log('line {number}')" for number in range(40))
    script = {"language": "javascript", "script": f"{lines}\nthrow new Error('wrong')"}
    bench.write("shop.yaml", suite(case("A", fail(config=script))))

    run = bench.run("run", "shop.yaml")
    short = run.out[run.out.index("✗ A") :]
    command = short[short.index("rocketship get") :].splitlines()[0].split()
    whole = bench.run(*command[1:]).out
    at_once = bench.run("run", "shop.yaml", "--full").out

    assert "… 25 earlier lines: rocketship get" in short
    assert "      line 0\n" not in short
    for shown in (whole, at_once):
        assert "      line 0\n      line 1\n" in shown
        assert "earlier lines" not in shown


def test_prefix_that_cannot_be_resolved_exits_two_and_says_why(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a"))))
    bench.run("run", "shop.yaml")
    bench.run("run", "shop.yaml")
    first, second = bench.run_ids()
    common = first[:6]
    assert second.startswith(common)

    said = {prefix: bench.run("get", prefix) for prefix in (common, first[:5], "0" * 26, "run-1")}

    assert [ended.code for ended in said.values()] == [2, 2, 2, 2]
    assert first in said[common].err
    assert second in said[common].err
    assert "at least 6 characters" in said[first[:5]].err
    assert "there is no run" in said["0" * 26].err
    assert '"run-1" is not a run id' in said["run-1"].err
    assert all(ended.out == "" for ended in said.values())


def test_logs_repeat_what_the_run_said(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello"))))
    printed = bench.run("run", "shop.yaml").out

    ended = bench.run("logs", bench.run_ids()[0])

    assert ended.code == 0
    assert ended.out == printed.partition("\n\nTotal Test Suites")[0] + "\n"


def test_second_process_sees_a_run_in_progress_and_follows_it_to_its_end(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.hold("first"), bench.hold("second"))))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("first")
    run_id = bench.run_ids()[0]

    follower = bench.start("logs", run_id, "--follow")
    so_far = bench.run("logs", run_id)
    assert bench.result(run_id)["status"] == "RUNNING"
    bench.release("first")
    bench.wait_for("second")
    bench.release("second")
    followed, ended = follower.end(), running.end()

    assert (so_far.code, followed.code, ended.code) == (0, 0, 0)
    assert "[first] Starting step: first" in so_far.out
    assert "[second]" not in so_far.out
    assert followed.out == ended.out.partition("\n\nTotal Test Suites")[0] + "\n"
    assert bench.result(run_id)["status"] == "PASSED"


def test_follower_can_leave_without_a_trace(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.hold("first"))))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("first")

    follower = bench.start("logs", bench.run_ids()[0], "--follow")
    follower.wait_for_output("[first] Starting step: first")
    follower.interrupt()
    left = follower.end()
    bench.release("first")

    assert (left.code, left.err) == (130, "")
    assert running.end().code == 0
