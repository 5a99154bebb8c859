"""Ctrl-C: once cancels and cleans up, twice stops waiting, three times leaves at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from rocketship.store.sqlite.store import FILE_NAME
from tests.fixtures.workbench import PATIENCE_SECONDS, Workbench, case, fail, log, suite


def write_suite(bench: Workbench, tidy: dict[str, object], **keys: object) -> None:
    """Write a suite with a test that holds at `work` and a cleanup of the test and of the suite."""
    bench.write(
        "shop.yaml",
        suite(
            case("A", bench.hold("work"), bench.say("more"), cleanup={"always": [tidy]}),
            cleanup={"always": [bench.say("close")]},
            **keys,
        ),
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_first_signal_cancels_what_runs_and_cleans_up(bench: Workbench, number: signal.Signals):
    write_suite(bench, bench.say("tidy"))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("work")

    running.process.send_signal(number)
    ended = running.end()

    assert ended.code == 130
    assert bench.words() == ["work", "tidy", "close"]
    assert "Cancelling; cleanup steps still run" in ended.err
    assert "Run cancelled: cancelled by the user" in ended.out
    run = bench.result(bench.run_ids()[0])
    assert run["status"] == "CANCELLED"
    assert run["tests"][0]["status"] == "CANCELLED"
    assert run["message"] == "cancelled by the user"


def test_tests_that_wait_for_their_turn_are_not_begun_after_a_signal(bench: Workbench):
    tests = [case(f"t{i}", bench.hold(f"t{i}")) for i in range(3)]
    bench.write("shop.yaml", suite(*tests, case("B", log("b"), skip="later")))
    running = bench.start("run", "shop.yaml", "--concurrency", "1")
    bench.wait_for("t0")

    running.interrupt()
    ended = running.end()

    assert ended.code == 130
    assert bench.words() == ["t0"]
    statuses = [test["status"] for test in bench.result(bench.run_ids()[0])["tests"]]
    assert statuses == ["CANCELLED", "CANCELLED", "CANCELLED", "SKIPPED"]


def test_failure_before_the_signal_does_not_hide_the_cancellation(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", fail()), case("B", bench.hold("work"))))
    running = bench.start("run", "shop.yaml", "--concurrency", "1")
    bench.wait_for("work")

    running.interrupt()

    assert running.end().code == 130
    run = bench.result(bench.run_ids()[0])
    assert run["status"] == "CANCELLED"
    assert [test["status"] for test in run["tests"]] == ["FAILED", "CANCELLED"]


def test_signal_cancels_every_suite(bench: Workbench):
    for name in ("one", "two"):
        bench.write(f"{name}.yaml", suite(case("A", bench.hold(name))) | {"name": name})
    running = bench.start("run", "one.yaml", "two.yaml")
    bench.wait_for("one", "two")

    running.interrupt()

    assert running.end().code == 130
    assert {bench.result(run_id)["status"] for run_id in bench.run_ids()} == {"CANCELLED"}


def test_second_signal_stops_waiting_and_the_next_command_finishes_the_cleanup(bench: Workbench):
    write_suite(bench, bench.hold("tidy"))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("work")
    running.interrupt()
    bench.wait_for("tidy")

    running.interrupt()
    ended = running.end()
    assert ended.code == 130
    assert "No longer waiting" in ended.err
    assert bench.words() == ["work", "tidy"]

    following = bench.start("list")
    following.wait_for_note("finishing its cleanup now")
    bench.release("tidy")
    listed = following.end()

    assert listed.code == 0
    assert bench.words() == ["work", "tidy", "tidy", "close"]
    assert "CANCELLED" in listed.out
    assert bench.result(bench.run_ids()[0])["status"] == "CANCELLED"


def test_two_signals_at_once_leave_a_cancelled_run_to_the_next_command(bench: Workbench):
    write_suite(bench, bench.say("tidy"))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("work")
    # A stopped process finds both when it goes on.
    running.process.send_signal(signal.SIGSTOP)
    running.interrupt()
    running.process.send_signal(signal.SIGTERM)
    running.process.send_signal(signal.SIGCONT)
    assert running.end().code == 130

    listed = bench.run("list")

    assert "CANCELLED" in listed.out
    assert bench.words() == ["work", "tidy", "close"]
    run = bench.result(bench.run_ids()[0])
    assert run["tests"][0]["status"] == "CANCELLED"


def test_cancelled_run_of_a_killed_process_ends_cancelled(bench: Workbench):
    stubborn = "test -e pid && exit; trap '' TERM; echo $$ > pid; while :; do sleep 0.02; done"
    bench.write(
        "shop.yaml",
        suite(
            case("A", bench.say("work", stubborn), cleanup={"always": [bench.say("tidy")]}),
            cleanup={"always": [bench.say("close")]},
        ),
    )
    running = bench.start("run", "shop.yaml")
    wait_for_text(bench.folder / "pid")
    running.interrupt()
    running.wait_for_note("Cancelling")
    wait_for_cancellation(bench)

    running.process.kill()
    running.end()
    listed = bench.run("list")

    assert "CANCELLED" in listed.out
    assert bench.result(bench.run_ids()[0])["tests"][0]["status"] == "CANCELLED"
    assert bench.words() == ["work", "tidy", "close"]


def test_third_signal_leaves_at_once_and_takes_every_child_along(bench: Workbench):
    # The children ignore the request to end, so only force ends them.
    stubborn = "test -e pid && exit; trap '' TERM; echo $$ > pid; while :; do sleep 0.02; done"
    write_suite(bench, bench.say("tidy", stubborn))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("work")
    running.interrupt()
    bench.wait_for("tidy")
    group = int(wait_for_text(bench.folder / "pid"))

    running.interrupt()
    running.wait_for_note("No longer waiting")
    running.interrupt()
    ended = running.end()

    assert ended.code == 130
    wait_until_gone(group)
    assert bench.run("list").code == 0
    assert bench.words() == ["work", "tidy", "tidy", "close"]


def test_second_signal_leaves_no_child_behind(bench: Workbench):
    write_suite(bench, bench.hold("tidy", "true & wait"))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("work")
    running.interrupt()
    bench.wait_for("tidy")

    running.interrupt()
    running.end()

    assert children_in(bench.folder) == []


def test_ignored_interrupt_stays_ignored(bench: Workbench):
    write_suite(bench, bench.say("tidy"))
    running = bench.start("run", "shop.yaml", wrapper=("sh", "-c", 'trap \'\' INT; exec "$0" "$@"'))
    bench.wait_for("work")

    running.interrupt()
    bench.release("work")

    assert running.end().code == 0
    assert bench.words() == ["work", "more", "tidy", "close"]


def test_signal_while_a_lost_run_is_cleaned_up_leaves_it_to_the_next_command(bench: Workbench):
    write_suite(bench, bench.hold("tidy"))
    lost = bench.start("run", "shop.yaml")
    bench.wait_for("work")
    lost.kill()
    cleaning = bench.start("list")
    bench.wait_for("tidy")

    cleaning.process.terminate()
    ended = cleaning.end()
    assert (ended.code, ended.out) == (130, "")
    assert "Traceback" not in ended.err

    bench.release("tidy")
    assert bench.run("list").code == 0
    assert bench.words().count("close") == 1


def test_watching_runs_again_after_a_change_until_a_signal(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.say("one"))))
    running = bench.start("run", "shop.yaml", "--watch")
    running.wait_for_note("Waiting for a change")

    bench.write("shop.yaml", suite(case("A", bench.say("two-"))))
    bench.wait_for("two-")
    bench.write("shop.yaml", "name: [")
    running.wait_for_note("nothing was run")
    bench.write("shop.yaml", suite(case("A", bench.hold("three"))))
    bench.wait_for("three")
    running.interrupt()
    ended = running.end()

    assert ended.code == 130
    assert bench.words() == ["one", "two-", "three"]
    assert "Traceback" not in ended.err


def test_watching_ends_quietly_between_runs(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a"))))
    running = bench.start("run", "shop.yaml", "--watch")
    running.wait_for_note("Waiting for a change")

    running.interrupt()
    ended = running.end()

    assert ended.code == 130
    assert ended.err == "Waiting for a change; Ctrl-C ends.\n"


def wait_for_text(path: Path) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists() or not (text := path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return text


def wait_for_cancellation(bench: Workbench) -> None:
    """Wait until the history knows that the run was cancelled."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with closing(sqlite3.connect(bench.data / FILE_NAME)) as connection:
        while not connection.execute("SELECT 1 FROM unit WHERE unit = 'cancelled'").fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.005)


def wait_until_gone(group: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < deadline
        time.sleep(0.005)


def children_in(folder: Path) -> list[int]:
    """Return the processes whose current directory is the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:
            continue
    return found
