from __future__ import annotations

from rocketship.reports.json import render
from rocketship.run.events import LogEmitted, StepFinished
from rocketship.run.fold import KEPT_CHARACTERS, fold, weight
from rocketship.run.result import RunResult
from rocketship.run.status import Status

BODY = "x" * 1_000_000
MANY = 3 * KEPT_CHARACTERS // len(BODY)


def finished(number: int, status: Status = Status.PASSED) -> StepFinished:
    return StepFinished(
        at=1.0,
        unit="t-0",
        attempt=1,
        path=f"steps[{number}]",
        name="Get",
        phase="steps",
        plugin="http",
        status=status,
        duration_seconds=0.5,
        attempts=1,
        response={"body": BODY},
    )


def large_run() -> RunResult:
    passed = [finished(number) for number in range(MANY)]
    return fold("r", [*passed, finished(MANY, Status.FAILED), finished(MANY + 1)])


def test_details_of_a_large_run_are_left_out_but_not_those_of_failures():
    steps = large_run().tests[0].steps

    assert len(steps) == MANY + 2
    kept = [not step.left_out for step in steps]
    assert kept[:10] == [True] * 10
    assert kept[-3:] == [False, True, False]
    assert [step.response is not None for step in steps] == kept
    assert {step.duration_seconds for step in steps} == {0.5}


def test_json_report_of_a_large_run_is_bounded():
    assert KEPT_CHARACTERS // 2 < len(render([large_run()])) < 2 * KEPT_CHARACTERS


def test_output_of_a_step_that_is_left_out_goes_with_it():
    lines = [LogEmitted(1.0, "t-0", 1, f"steps[{MANY}]", "said") for _ in range(3)]
    passed = [finished(number) for number in range(MANY)]

    (*_, last) = fold("r", [*passed, *lines, finished(MANY)]).tests[0].steps

    assert (last.left_out, last.logs) == (True, ())


def test_lines_of_a_run_itself_are_bounded_and_counted():
    lines = [LogEmitted(1.0, "", 1, "", BODY) for _ in range(MANY)]

    kept = fold("r", lines).logs

    assert sum(len(line.message) for line in kept) < KEPT_CHARACTERS + 100
    assert kept[-1].message == f"{MANY - len(kept) + 1} more lines are left out"


def test_weight_counts_all_text():
    assert weight({"name": ["value", 1, None, {"deep": "x" * 100}]}) > 100
