"""A command line that is killed in any phase of a run, and what the next one makes of it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import Any

import pytest

from tests.fixtures.http_server import Got, HttpServer, answer
from tests.fixtures.workbench import PATIENCE_SECONDS, Workbench, case, fail, log, suite

HOLDS = ("init", "a-init", "a-work", "a-fail", "a-tidy", "close")
#: What is said in the suite's whole life when test A passes, and when it fails.
PASSING = ["seed", "init", "a-init", "a-work", "free-7-s3cret", "a-tidy", "b", "shut", "close"]
#: What the next command says after a kill, by where it struck.
AFTER = {
    "init": ["alarm", "shut", "close"],
    "a-init": ["a-fail", "free-7-s3cret", "a-tidy", "alarm", "shut", "close"],
    "a-work": ["a-fail", "free-7-s3cret", "a-tidy", "alarm", "shut", "close"],
    "a-fail": ["a-fail", "free-7-s3cret", "a-tidy", "alarm", "shut", "close"],
    "a-tidy": ["a-tidy", "alarm", "shut", "close"],
    "close": ["close"],
}


def write_suite(bench: Workbench, *, failing: bool = False) -> None:
    """Write a suite that holds in every phase; its cleanup needs a saved and a secret value."""
    # What is freed proves that the saved value and the secret have reached the cleanup.
    free = bench.say("free-{{ number }}-{{ .env.KEY }}", replay="once")
    seed = bench.say("seed", "echo number=7 >> $ROCKETSHIP_OUTPUT")
    bench.write(
        "shop.yaml",
        suite(
            case(
                "A",
                bench.hold("a-work"),
                *([fail()] if failing else []),
                init=[bench.hold("a-init")],
                cleanup={
                    "on_failure": [bench.hold("a-fail")],
                    "always": [free, bench.hold("a-tidy")],
                },
            ),
            case("B", bench.say("b")),
            case("C", log("c"), skip="later"),
            init=[seed, bench.hold("init")],
            cleanup={
                "on_failure": [bench.say("alarm")],
                "always": [bench.say("shut"), bench.hold("close")],
            },
        ),
    )
    bench.write("shop.env", "KEY=s3cret\n")


def kill_at(bench: Workbench, place: str) -> list[str]:
    """Run the suite until it holds at a place, kill it there, and return what was said."""
    running = bench.start("run", "shop.yaml", "--concurrency", "1", "--env-file", "shop.env")
    for word in HOLDS:
        if word == "a-fail" and place != "a-fail":
            continue
        bench.wait_for(word)
        if word == place:
            break
        bench.release(word)
    running.kill()
    # The step that held is a process of its own and ends by itself.
    bench.release(place)
    return list(bench.words())


def finish(bench: Workbench, *arguments: str, **options: Any) -> tuple[list[str], Any]:
    """Run the next command with nothing left to hold it; return what was said and its end."""
    before = len(bench.words())
    bench.release(*HOLDS)
    ended = bench.run(*arguments, **options)
    return bench.words()[before:], ended


@pytest.mark.slow
@pytest.mark.parametrize("place", HOLDS)
def test_next_command_finishes_the_cleanup(bench: Workbench, place: str):
    write_suite(bench, failing=place == "a-fail")
    kill_at(bench, place)

    said, ended = finish(bench, "list")

    assert ended.code == 0
    assert said == AFTER[place]
    status = "PASSED" if place == "close" else "FAILED"
    assert f"has ended: {status}" in ended.err
    assert status in ended.out
    run_id = bench.run_ids()[0]
    assert bench.result(run_id)["status"] == status
    bench.check_told_once(run_id)
    assert finish(bench, "list")[0] == []


@pytest.mark.slow
@pytest.mark.parametrize("place", ["init", "a-work", "a-tidy", "close"])
def test_next_command_resumes_when_told_to(bench: Workbench, place: str):
    write_suite(bench)
    before = kill_at(bench, place)

    said, ended = finish(bench, "list", env={"ROCKETSHIP_RECOVERY": "resume"})

    # A shell step may have done anything, so the one that was lost is not run again.
    expected = {
        "init": AFTER["init"],
        "a-work": [*AFTER["a-work"][:3], "b", "alarm", "shut", "close"],
        "a-tidy": ["a-tidy", "b", "shut", "close"],
        "close": ["close"],
    }
    failed = "alarm" in expected[place]
    assert ended.code == 0
    assert said == expected[place]
    run_id = bench.run_ids()[0]
    assert bench.result(run_id)["status"] == ("FAILED" if failed else "PASSED")
    bench.check_told_once(run_id)
    if not failed:
        assert sorted({*before, *said}) == sorted(PASSING)


@pytest.mark.slow
def test_get_and_run_finish_the_cleanup_too(bench: Workbench):
    write_suite(bench)
    bench.write("other.yaml", suite(case("C", bench.say("other"))) | {"name": "Other"})
    kill_at(bench, "a-work")
    (first,) = unfinished(bench)

    said, got = finish(bench, "get", first)
    assert said == AFTER["a-work"]
    assert "FAILED" in got.out
    bench.heard.clear()
    bench.take_back()
    kill_at(bench, "a-work")
    (second,) = unfinished(bench)
    said, ended = finish(bench, "run", "other.yaml")

    # Leftovers go before anything new begins, and do not change its verdict.
    assert said == [*AFTER["a-work"], "other"]
    assert ended.code == 0
    for run_id in (first, second):
        bench.check_told_once(run_id)


@pytest.mark.slow
def test_process_killed_while_it_cleans_up_is_followed_by_another(bench: Workbench):
    write_suite(bench)
    kill_at(bench, "a-work")
    cleaning = bench.start("list")
    bench.release("a-fail", "a-tidy")
    bench.wait_for("close")
    cleaning.kill()
    bench.release("close")

    said, ended = finish(bench, "list")

    assert ended.code == 0
    assert said == ["close"]
    bench.check_told_once(bench.run_ids()[0])


def unfinished(bench: Workbench) -> list[str]:
    """Return the runs that have not ended, oldest first, without finishing any."""
    database = sqlite3.connect(bench.data / "history.db")
    try:
        rows = database.execute("SELECT id FROM run WHERE ended_at IS NULL ORDER BY id").fetchall()
    finally:
        database.close()
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("recovery", "method", "repeated"),
    [("resume", "GET", True), ("resume", "POST", False), ("cleanup", "GET", False)],
)
def test_request_in_flight_is_repeated_only_to_resume_and_where_it_does_no_harm(
    bench: Workbench, recovery: str, method: str, repeated: bool
):
    asked = threading.Semaphore(0)

    async def silent_at_first(got: Got, writer: asyncio.StreamWriter) -> None:
        asked.release()
        if len(server.got) == 1:
            await asyncio.Event().wait()
        writer.write(answer("ok"))

    with HttpServer({"/": silent_at_first}) as server:
        config = {"method": method, "url": server.url()}
        request = {"name": "Ask", "plugin": "http", "config": config}
        bench.write("shop.yaml", suite(case("A", request, cleanup={"always": [bench.say("tidy")]})))
        running = bench.start("run", "shop.yaml")
        assert asked.acquire(timeout=PATIENCE_SECONDS)
        running.kill()

        ended = bench.run("list", env={"ROCKETSHIP_RECOVERY": recovery})

    assert ended.code == 0
    assert len(server.got) == (2 if repeated else 1)
    assert bench.words() == ["tidy"]
    assert ("PASSED" if repeated else "FAILED") in ended.out
    if method == "POST":
        got = bench.run("get", bench.run_ids()[0]).out
        assert "the process that ran this step was lost" in got
        assert "replay: safe" in got


def test_of_two_commands_at_once_exactly_one_takes_over(bench: Workbench):
    write_suite(bench)
    kill_at(bench, "a-work")
    before = len(bench.words())

    commands = [bench.start("list") for _ in range(3)]
    bench.release("a-fail", "a-tidy", "close")
    ended = [command.end() for command in commands]

    assert [end.code for end in ended] == [0, 0, 0]
    assert sum(end.err.count("finishing its cleanup now") for end in ended) == 1
    assert bench.words()[before:] == AFTER["a-work"]
    bench.check_told_once(bench.run_ids()[0])


def test_run_of_a_living_process_is_left_alone(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.hold("work"), bench.say("more"))))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("work")

    listed = bench.run("list")
    bench.release("work")

    assert listed.err == ""
    assert "RUNNING" in listed.out
    assert running.end().code == 0
    assert bench.words() == ["work", "more"]


def test_follower_takes_over_when_the_process_it_follows_is_killed(bench: Workbench):
    cleanup = {"always": [bench.say("tidy")]}
    bench.write("shop.yaml", suite(case("A", bench.hold("work"), cleanup=cleanup)))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("work")
    follower = bench.start("logs", bench.run_ids()[0], "--follow")
    follower.wait_for_output("[work] Starting step: work")

    running.kill()
    followed = follower.end()

    assert followed.code == 0
    assert "finished. 0/1 tests passed" in followed.out
    assert bench.words() == ["work", "tidy"]


def test_run_that_cannot_be_taken_over_is_told_and_holds_nothing_up(bench: Workbench):
    write_suite(bench)
    bench.write("other.yaml", suite(case("C", log("other"))))
    kill_at(bench, "a-work")
    key = bench.data / "encryption.key"
    kept = key.read_bytes()
    key.write_bytes(bytes(32))

    said, ended = finish(bench, "run", "other.yaml")
    assert (said, ended.code) == ([], 0)
    assert "is not the one the data in" in ended.err
    assert "restore the former key" in ended.err

    key.write_bytes(kept)
    assert finish(bench, "list")[0] == AFTER["a-work"]
