from __future__ import annotations

import pytest

from rocketship.run.result import Totals
from rocketship.run.status import Status
from tests.builders import StepSpec, UnitSpec, make_failed_unit, make_result

SKIPPED = UnitSpec("s", (), Status.SKIPPED)


def test_totals_of_every_status_counts_each_once():
    totals = Totals.of(Status)
    assert totals == Totals(7, passed=1, failed=1, timeout=1, cancelled=1, skipped=1, unfinished=2)
    assert (totals.executed, totals.not_passed) == (4, 5)


def test_totals_sum_of_several_runs_adds_every_number():
    runs = [make_result(), make_result([make_failed_unit(), SKIPPED])]
    assert Totals.sum(run.totals for run in runs) == Totals(3, passed=1, failed=1, skipped=1)
    assert Totals.sum([]) == Totals()


@pytest.mark.parametrize(
    ("tests", "status", "green"),
    [
        ([UnitSpec()], None, True),
        ([UnitSpec(), SKIPPED], None, True),
        ([SKIPPED], Status.PASSED, False),
        ([UnitSpec(), make_failed_unit()], None, False),
        ([UnitSpec()], Status.CANCELLED, False),
        ([UnitSpec(status=Status.PENDING)], Status.PASSED, False),
    ],
)
def test_green_needs_a_passed_run_with_an_executed_test(tests, status, green):
    assert make_result(tests, status=status).green is green


def test_failures_hold_init_and_tests_but_not_cleanup():
    leftover = StepSpec("D", Status.FAILED, "always")
    result = make_result(
        [UnitSpec(), UnitSpec("b")],
        init=make_failed_unit("i"),
        cleanup=UnitSpec("c", (leftover,), Status.FAILED),
    )
    assert [unit.name for unit in result.failures] == ["i", "reads a user", "b"]
    assert result.init_failed
    assert result.cleanup is not None
    assert [step.name for step in result.cleanup.failed_cleanup_steps] == ["D"]
