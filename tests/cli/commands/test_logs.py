from __future__ import annotations

from tests.fixtures.history import History


def test_logs_repeat_what_the_run_said(history: History):
    lines = history.call("logs", history.run_id()).splitlines()
    assert lines[:3] == [
        '[Booking] Starting suite "Booking"',
        "[Booking] [suite init] Starting suite init",
        "[Booking] [suite init] [Create account] Starting init step: Create account",
    ]
    assert "[Booking] [Books] [Cancel] Cleanup step failed: uncaught: late" in lines
    assert "[Booking] [Books] 1 cleanup step failed" in lines
    at = lines.index("[Booking] [Looks] [Look] here")
    assert lines[at + 1] == "[Booking] [Looks] [Look] Step completed successfully"
    assert lines[-2] == "[Booking] [suite cleanup] Suite cleanup failed: 1 cleanup step failed"
    assert lines[-1].startswith('[Booking] Test run: "Booking" finished. 1/3 tests passed, 2/3 ')


def test_logs_with_timestamps_have_the_time_in_every_line(history: History):
    lines = history.call("logs", history.run_id(), "--timestamp").splitlines()
    assert all("[{time}] " in line for line in lines)


def test_logs_follow_ends_with_the_run(history: History):
    run = history.run_id()
    assert history.call("logs", run, "--follow") == history.call("logs", run)


def test_logs_of_an_unknown_run_are_a_usage_error(history: History):
    assert history.call("logs", "7zzzzzzz", code=2).startswith("error: ")
