from __future__ import annotations

import io

import pytest

from rocketship.cli.console import Console
from rocketship.cli.output.summary import exit_code, print_summary
from rocketship.run.fold import fold
from rocketship.run.result import RunResult
from rocketship.run.status import Status
from tests.builders import UnitSpec, make_failed_unit, make_mixed_events, make_result

PASSED = make_result()
FAILED = make_result([make_failed_unit()])
TIMEOUT = make_result([UnitSpec(status=Status.TIMEOUT)])
CANCELLED = make_result([UnitSpec(status=Status.CANCELLED)])
SKIPPED = make_result([UnitSpec("s", (), Status.SKIPPED)], status=Status.FAILED)
UNFINISHED = make_result(finished=False)
INIT_FAILED = make_result(init=make_failed_unit("i"))


def summary(*results: RunResult, **environment: str) -> list[str]:
    out = io.StringIO()
    print_summary(Console(out, io.StringIO(), environment), results)
    return out.getvalue().split("\n")


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([PASSED], 0),
        ([PASSED, PASSED], 0),
        ([PASSED, FAILED], 1),
        ([TIMEOUT], 1),
        ([SKIPPED], 1),
        ([INIT_FAILED], 1),
        ([], 1),
        ([UNFINISHED, FAILED], 3),
        ([CANCELLED], 130),
        ([FAILED, UNFINISHED, CANCELLED], 130),
    ],
)
def test_exit_code_tells_the_worst(results, expected):
    assert exit_code(results) == expected


def test_summary_of_a_green_run_has_the_familiar_labels():
    assert summary(PASSED) == [
        "",
        "Total Test Suites: 1",
        "✓ Passed Suites: 1",
        "✗ Failed Suites: 0",
        "",
        "Total Tests: 1",
        "✓ Passed Tests: 1",
        "✗ Failed Tests: 0",
        "",
        "Duration: 600ms",
        "",
    ]


def test_summary_counts_every_red_test_as_failed_and_says_why():
    lines = summary(fold("r", make_mixed_events()), CANCELLED, UNFINISHED, PASSED)
    assert lines[1:12] == [
        "Total Test Suites: 4",
        "✓ Passed Suites: 1",
        "✗ Failed Suites: 3",
        "",
        "Total Tests: 8",
        "✓ Passed Tests: 4",
        "✗ Failed Tests: 3",
        "    of these timed out: 1",
        "    of these cancelled: 1",
        "- Skipped Tests: 1",
        "",
    ]


def test_summary_of_a_failed_init_never_says_zero_failed_tests():
    assert "✗ Failed Tests: 1" in summary(INIT_FAILED)


@pytest.mark.parametrize("results", [[], [RunResult("r1")]])
def test_summary_without_a_run_that_began_has_no_duration(results):
    assert summary(*results)[-3:] == ["✓ Passed Tests: 0", "✗ Failed Tests: 0", ""]


def test_summary_in_colour_keeps_labels_whole():
    lines = summary(PASSED, FORCE_COLOR="1")
    assert "\x1b[1;32m✓ Passed Tests: 1\x1b[0m" in lines
    assert "✗ Failed Tests: 0" in lines
