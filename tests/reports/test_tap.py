from __future__ import annotations

import yaml

from rocketship.reports.tap import render
from rocketship.run.fold import fold
from rocketship.run.status import Status
from tests.builders import StepSpec, UnitSpec, make_failed_step, make_mixed_events, make_result


def lines(*results):
    return render(results).decode().splitlines()


def diagnostics(text):
    """Return the YAML blocks of a document."""
    blocks: list[list[str]] = []
    inside = False
    for line in text:
        if line == "  ---":
            blocks.append([])
        elif inside and line != "  ...":
            blocks[-1].append(line)
        inside = line != "  ..." and (inside or line == "  ---")
    return [yaml.safe_load("\n".join(block)) for block in blocks]


def test_document_has_a_point_for_every_test():
    text = lines(fold("r", make_mixed_events()))
    assert text[:2] == ["TAP version 14", "1..5"]
    assert [line for line in text if line.startswith(("ok", "not ok"))] == [
        "ok 1 - polls",
        "not ok 2 - creates a user",
        "not ok 3 - waits",
        "ok 4 - later # SKIP not ready",
        "ok 5 - cleans up",
    ]


def test_failure_is_in_the_diagnostics_whatever_it_says():
    step = make_failed_step(response={"body": "  ...\nok 7\n  ---\u2028#:{}\x1b[0m"})
    block = diagnostics(lines(make_result([UnitSpec("t", (step,))])))[0]
    assert block["status"] == "FAILED"
    assert block["message"] == "Assertion failed: status_code: expected 200, got 500"
    assert "ok 7" in block["failure"]


def test_name_starts_no_directive():
    text = lines(make_result([UnitSpec("a # SKIP \\ b\nok 2", (StepSpec(),))]))
    assert text[2] == "ok 1 - a \\# SKIP \\\\ b ok 2"


def test_no_tests_and_a_run_without_an_end_are_told():
    assert lines()[1] == "1..0 # SKIP no tests"
    assert lines(make_result(finished=False))[-1] == "Bail out! the run is RUNNING"


def test_failed_suite_init_is_a_point_of_its_own():
    init = UnitSpec("init", (make_failed_step(),), Status.FAILED)
    text = lines(make_result(init=init))
    assert "not ok 1 - suite init" in text
    assert "not ok 2 - reads a user" in text
