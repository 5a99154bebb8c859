from __future__ import annotations

import io

from rocketship.cli.console import Console
from rocketship.cli.output.failure import print_failures
from rocketship.run.events import Failure
from rocketship.run.fold import fold
from rocketship.run.result import RunResult
from rocketship.run.status import Status
from tests.builders import (
    StepSpec,
    UnitSpec,
    make_failed_unit,
    make_mixed_events,
    make_result,
)


def failures(*results: RunResult, **environment: str) -> str:
    out = io.StringIO()
    print_failures(Console(out, io.StringIO(), environment), results)
    return out.getvalue()


def titles(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and not line.startswith(" ")]


def test_failures_of_a_green_run_are_nothing():
    assert failures(make_result()) == ""


def test_failures_of_a_mixed_run_are_one_block_each_and_cleanup_last():
    text = failures(fold("r", make_mixed_events()))
    assert titles(text) == ["✗ creates a user", "✗ waits", '⚠ cleanup of "cleans up" failed']
    assert '  cleanup step "Delete user" (http) at .rocketship/users.yaml:12\n' in text


def test_failures_of_several_runs_name_the_suite():
    text = failures(make_result([make_failed_unit("t")], suite="a"), make_result())
    assert titles(text) == ["✗ a › t"]


def test_failures_after_a_failed_init_name_the_tests_together():
    tests = [UnitSpec(f"t{index}") for index in range(7)]
    text = failures(make_result(tests, init=make_failed_unit("i")))
    assert titles(text) == ["✗ suite init", "✗ t0, t1, t2, t3, t4, 2 more"]
    assert text.endswith("2 more\n  not run: suite init did not pass\n")


def test_failures_of_a_run_without_a_failed_test_tell_what_happened():
    skipped = [UnitSpec("s", (), Status.SKIPPED)]
    pending = [UnitSpec(), UnitSpec("p", (), Status.PENDING)]
    message = "no test was executed"
    assert failures(make_result(skipped, status=Status.FAILED, message=message)) == (
        "\n✗ users\n  no test was executed\n"
    )
    assert (
        failures(make_result(status=Status.CANCELLED)) == "\n✗ users\n  the run ended CANCELLED\n"
    )
    assert failures(make_result(pending, status=Status.TIMEOUT, message="time is up")) == (
        "\n✗ users\n  1 test did not end: time is up\n"
    )
    assert failures(make_result(finished=False)) == "\n✗ users\n  the run did not end\n"


def test_failures_in_suite_cleanup_are_warnings():
    leftover = StepSpec("Drop", Status.FAILED, "always", extra={"failure": Failure("X", "busy")})
    run = make_result(cleanup=UnitSpec("c", (leftover,), Status.FAILED))
    assert titles(failures(run)) == ["⚠ suite cleanup failed"]


def test_failures_fit_eighty_columns_and_use_no_more_than_they_need():
    text = failures(make_result([make_failed_unit(failure=Failure("X", "word " * 60))]))
    assert max(len(line) for line in text.split("\n")) <= 80
    wide = failures(
        make_result([make_failed_unit(failure=Failure("X", "word " * 60))]), COLUMNS="300"
    )
    assert 80 < max(len(line) for line in wide.split("\n")) <= 100


def test_failures_in_colour_emphasise_title_error_and_labels():
    text = failures(make_result([make_failed_unit("t")]), FORCE_COLOR="1")
    assert "\x1b[1;31m✗ t\x1b[0m" in text
    assert "\x1b[31m  AssertionError: 1 assertion failed\x1b[0m" in text
    assert "\x1b[1m    request\x1b[0m" in text
