"""The server on this machine: started, found, used by every command, and stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.fixtures.workbench import Workbench, case, fail, log, suite

FREE = ("--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0")


@pytest.fixture
def server(bench: Workbench) -> Iterator[int]:
    """A local server in the background; yields its process."""
    yield start(bench)
    bench.run("stop", "server")


def start(bench: Workbench) -> int:
    ended = bench.run("start", "server", "-b", *FREE)
    assert ended.code == 0, ended.err
    assert re.match(r"The local server is ready: grpc://127\.0\.0\.1:\d+, web pages", ended.out)
    return int(record(bench)["pid"])


def record(bench: Workbench) -> dict[str, str]:
    found: dict[str, str] = json.loads((bench.data / "run" / "server.json").read_text())
    return found


def test_server_is_used_by_every_command_until_it_is_stopped(bench: Workbench, server: int):
    bench.write("shop.yaml", suite(case("A", log("a"))))

    ran = bench.run("run", "shop.yaml")
    (run_id,) = bench.run_ids()
    shown = bench.run("profile", "show")
    logged = bench.run("server", "logs").out
    port = int(record(bench)["grpc"].rpartition(":")[2])
    stopped = bench.run("stop", "server")

    assert (ran.code, ran.err) == (0, "")
    assert f"run_id={run_id}" in logged
    assert record_of(shown.out)["Engine"].startswith("grpc://127.0.0.1:")
    assert record_of(shown.out)["Auth"] == "none"
    assert stopped.out == f"The local server, process {server}, has stopped.\n"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert bench.result(run_id)["status"] == "PASSED"
    assert bench.run("stop", "server").out == "No local server is running.\n"


def record_of(text: str) -> dict[str, str]:
    pairs = (line.partition(":")[::2] for line in text.splitlines())
    return {label.strip(): value.strip() for label, value in pairs}


def test_detached_run_goes_on_and_is_followed_to_its_end(bench: Workbench, server: int):
    bench.write("shop.yaml", suite(case("A", bench.hold("first"))))

    started = bench.run("run", "shop.yaml", "--detach")
    run_id = started.out.strip()
    bench.wait_for("first")
    follower = bench.start("logs", run_id, "--follow")
    follower.wait_for_output("Starting step: first")
    bench.release("first")
    followed = follower.end()

    assert (started.code, started.err) == (0, "")
    assert re.fullmatch("[0-9a-z]{26}", run_id)
    assert followed.code == 0
    assert followed.out.endswith("finished. All 1 tests passed.\n")


def test_cancelled_run_still_cleans_up_unless_forced(bench: Workbench, server: int):
    cleanup = {"always": [bench.say("cleaned")]}
    bench.write("shop.yaml", suite(case("A", bench.hold("first"), cleanup=cleanup)))

    for options, words in (((), ["first", "cleaned"]), (("--force",), ["first"])):
        bench.heard.clear()
        run_id = bench.run("run", "shop.yaml", "--detach").out.strip()
        bench.wait_for("first")
        cancelled = bench.run("cancel", run_id[:20], *options)
        bench.run("logs", run_id, "--follow")
        assert (cancelled.code, cancelled.err) == (0, "")
        assert f"run {run_id} is being cancelled" in cancelled.out.lower()
        assert bench.result(run_id)["status"] == "CANCELLED"
        assert bench.words() == words
    again = bench.run("cancel", run_id)
    assert again.out == f"Run {run_id} has ended already: CANCELLED.\n"


def test_interrupted_command_leaves_the_cleanup_to_the_server(bench: Workbench, server: int):
    cleanup = {"always": [bench.hold("cleaning")]}
    bench.write("shop.yaml", suite(case("A", bench.hold("first"), cleanup=cleanup)))
    running = bench.start("run", "shop.yaml")
    bench.wait_for("first")

    running.interrupt()
    bench.wait_for("cleaning")
    running.interrupt()
    left = running.end()
    (run_id,) = bench.run_ids()
    bench.release("cleaning")
    bench.run("logs", run_id, "--follow")

    assert left.code == 130
    assert "No longer waiting; the engine finishes the cleanup." in left.err
    assert bench.result(run_id)["status"] == "CANCELLED"


def test_auto_uses_no_server(bench: Workbench, server: int):
    bench.write("shop.yaml", suite(case("A", log("a"))))

    assert bench.run("run", "shop.yaml", "--auto").code == 0
    assert "method=CreateRun" not in bench.run("server", "logs").out


def test_second_server_is_refused(bench: Workbench, server: int):
    for options in ((), ("-b",)):
        ended = bench.run("start", "server", *options, *FREE)
        assert ended.code == 2
        assert f"running already: {record(bench)['grpc']}, process {server}" in ended.err


def test_killed_server_leaves_nothing_in_the_way(bench: Workbench):
    killed = start(bench)
    os.kill(killed, signal.SIGKILL)
    bench.write("shop.yaml", suite(case("A", log("a"))))

    ran = bench.run("run", "shop.yaml")
    stopped = bench.run("stop", "server")
    another = start(bench)
    bench.run("stop", "server")

    assert (ran.code, ran.err) == (0, "")
    assert stopped.out == "No local server is running.\n"
    assert another != killed


def test_stranger_with_the_servers_number_is_not_stopped(bench: Workbench, server: int):
    path = bench.data / "run" / "server.json"
    stranger = bench.start("demo", "--help")
    path.write_text(json.dumps(record(bench) | {"pid": stranger.process.pid}))

    stopped = bench.run("stop", "server")

    assert stopped.out == "No local server is running.\n"
    path.write_text(json.dumps(record(bench) | {"pid": server}))


def test_server_in_the_foreground_ends_with_ctrl_c(bench: Workbench):
    running = bench.start("start", "server", *FREE)
    running.wait_for_output("The local server is ready")

    logs = bench.run("server", "logs")
    running.interrupt()
    ended = running.end()

    assert (logs.code, ended.code) == (2, 0)
    assert "logs to the terminal it runs in" in logs.err
    assert " stopped" in ended.err
    assert not (bench.data / "run" / "server.json").exists()


def test_server_that_cannot_start_tells_why(bench: Workbench):
    elsewhere = ("start", "server", "-b", "--grpc-address", "192.0.2.1:0", *FREE[2:])
    ended = bench.run(*elsewhere, env={"ROCKETSHIP_ALLOW_ANONYMOUS": "true"})

    assert ended.code == 3
    assert "the server ended before it was ready" in ended.err
    assert "cannot listen on 192.0.2.1:0" in ended.err
    open_to_everybody = bench.run(*elsewhere)
    assert open_to_everybody.code == 2
    assert "ROCKETSHIP_AUTH_MODE" in open_to_everybody.err
    assert bench.run("start", "server", "--grpc-address", "here").code == 2


def test_logs_follow_the_server_to_its_end(bench: Workbench, server: int):
    follower = bench.start("server", "logs", "--follow", "--lines", "1")
    follower.wait_for_output("ready")
    bench.run("stop", "server")

    ended = follower.end()

    assert ended.code == 0
    assert ended.out.splitlines()[-1].endswith("stopped")


def test_logs_without_any_server_say_what_to_do(bench: Workbench):
    ended = bench.run("server", "logs")

    assert ended.code == 2
    assert "rocketship start server -b" in ended.err


def test_detach_without_a_server_is_refused_with_the_way_to_one(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a"))))

    ended = bench.run("run", "shop.yaml", "--detach")

    assert ended.code == 2
    assert "rocketship start server -b" in ended.err
    assert bench.run_ids() == []


def test_rerun_repeats_a_run_with_secrets_read_anew(bench: Workbench):
    bench.write(
        "shop.yaml", suite(case("A", log("hi {{ .env.WHO }} {{ .vars.n }}")), vars={"n": 1})
    )
    bench.run("run", "shop.yaml", "--var", "n=2", env={"WHO": "me"})
    (first,) = bench.run_ids()
    (bench.folder / "shop.yaml").unlink()

    ended = bench.run("rerun", first, env={"WHO": "you"})

    assert ended.code == 0, ended.err
    assert "hi you 2" in ended.out
    second = bench.run_ids()[1]
    assert bench.result(second)["context"]["rerun_of"] == first


def test_rerun_of_failed_tests_leaves_the_others_out(bench: Workbench, server: int):
    bench.write("shop.yaml", suite(case("Good", log("a")), case("Bad", fail())))
    first = bench.run("run", "shop.yaml", "--detach").out.strip()
    bench.run("logs", first, "--follow")

    ended = bench.run("rerun", first, "--failed", "--output", "json")
    passed = bench.run("run", "shop.yaml", "--test", "Good", "--detach").out.strip()
    bench.run("logs", passed, "--follow")
    nothing = bench.run("rerun", passed, "--failed")

    assert ended.code == 1
    assert '"Bad"' in ended.out
    assert '"Good"' not in ended.out
    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing to run again" in nothing.err


def test_report_and_delete_work_on_what_is_recorded(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a"))))
    bench.run("run", "shop.yaml")
    (run_id,) = bench.run_ids()

    printed = bench.run("report", run_id)
    written = bench.run("report", run_id[:16], "--format", "json", "-o", "reports/r.json")
    unknown = bench.run("report", run_id, "--format", "xml")
    deleted = bench.run("delete", run_id[:16])

    assert printed.out.startswith("<?xml")
    assert (written.code, written.out) == (0, "")
    assert json.loads((bench.folder / "reports" / "r.json").read_text())["runs"][0]["run_id"] == (
        run_id
    )
    assert unknown.code == 2
    assert deleted.out == f"Run {run_id} is deleted.\n"
    assert bench.run_ids() == []
    assert bench.run("delete", run_id).code == 2
