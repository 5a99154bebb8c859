from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from rocketship.reports.junit import class_name, render
from rocketship.run.events import Failure
from rocketship.run.fold import fold
from rocketship.run.result import RunResult
from rocketship.run.status import Status
from tests.builders import (
    StepSpec,
    UnitSpec,
    make_failed_step,
    make_failed_unit,
    make_mixed_events,
    make_result,
)

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))


def parse(*runs: RunResult) -> ElementTree.Element:
    """Render, validate, and return the root."""
    document = render(runs).decode()
    SCHEMA.validate(document)
    return ElementTree.fromstring(document)


def case(root: ElementTree.Element, name: str) -> ElementTree.Element:
    found = [item for item in root.iter("testcase") if item.get("name") == name]
    assert len(found) == 1
    return found[0]


def test_junit_mixed_run_has_the_right_counts_everywhere():
    root = parse(fold("r1", make_mixed_events()), make_result())
    counts = {"tests": "6", "failures": "1", "errors": "1", "skipped": "1"}
    assert {name: root.get(name) for name in counts} == counts
    first, second = root
    assert (first.get("tests"), first.get("failures"), first.get("errors")) == ("5", "1", "1")
    assert (second.get("tests"), second.get("failures"), second.get("errors")) == ("1", "0", "0")
    assert (first.get("time"), first.get("timestamp")) == ("3.400", "2024-01-02T03:04:05")


def test_junit_failed_test_tells_everything_in_its_text():
    failed = case(parse(make_result([make_failed_unit()])), "creates a user")
    failure = failed.find("failure")
    assert failure is not None
    assert failure.text is not None
    assert failure.get("type") == "AssertionError"
    assert failure.get("message") == "Assertion failed: status_code: expected 200, got 500"
    for part in (".rocketship/users.yaml:12", "POST http://", "database is down", "curl -X POST"):
        assert part in failure.text
    assert "✓ Get user (100ms)\n✗ Create user" in failed.findtext("system-out", "")


@pytest.mark.parametrize(
    ("error", "element"),
    [("AssertionError", "failure"), ("ContractError", "failure"), ("ConnectionError", "error")],
)
def test_junit_failed_test_is_failure_or_error_by_who_is_to_blame(error, element):
    unit = make_failed_unit(failure=Failure(error, "no"))
    found = case(parse(make_result([unit])), "creates a user").find(element)
    assert found is not None
    assert found.get("type") == error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.TIMEOUT, "Timeout"),
        (Status.CANCELLED, "Cancelled"),
        (Status.PENDING, "Unfinished"),
        (Status.RUNNING, "Unfinished"),
    ],
)
def test_junit_test_without_a_proper_end_is_an_error(status, kind):
    error = case(parse(make_result([UnitSpec("t", (), status)])), "t").find("error")
    assert error is not None
    assert error.get("type") == kind
    assert error.get("message")


def test_junit_failure_without_a_failed_step_has_the_message_of_the_test():
    unit = UnitSpec("t", (), Status.FAILED, "not run: lost")
    failure = case(parse(make_result([unit])), "t").find("failure")
    assert failure is not None
    assert failure.get("message") == "not run: lost"


def test_junit_skipped_test_has_its_reason():
    unit = UnitSpec("t", (), Status.SKIPPED, "not ready")
    skipped = case(parse(make_result([UnitSpec(), unit])), "t").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "not ready"


def test_junit_failed_init_is_a_testcase_and_makes_every_test_an_error():
    init = UnitSpec("i", (make_failed_step(),), message='init step "Create user" failed')
    root = parse(make_result([UnitSpec("a"), UnitSpec("b")], init=init))
    assert [item.get("name") for item in root.iter("testcase")] == ["suite init", "a", "b"]
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "2")
    error = case(root, "a").find("error")
    assert error is not None
    assert error.get("message") == 'suite init failed: init step "Create user" failed'


def test_junit_passed_init_is_no_testcase():
    root = parse(make_result(init=UnitSpec("i")))
    assert [item.get("name") for item in root.iter("testcase")] == ["reads a user"]


def test_junit_failed_cleanup_is_told_but_fails_nothing():
    leftover = StepSpec("Drop", Status.FAILED, "always", extra={"failure": Failure("X", "in use")})
    run = make_result(
        [UnitSpec(steps=(StepSpec(), leftover))], cleanup=UnitSpec("c", (leftover,), Status.FAILED)
    )
    root = parse(run)
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    assert "X: in use" in case(root, "reads a user").findtext("system-out", "")
    assert "X: in use" in root[0].findtext("system-out", "")
    properties = {item.get("name"): item.get("value") for item in root.iter("property")}
    assert properties["cleanup_failures"] == "2"


def test_junit_properties_carry_run_id_and_context():
    root = parse(make_result(run_id="r9", context={"branch": "main", "metadata": {"a": 1}}))
    properties = {item.get("name"): item.get("value") for item in root.iter("property")}
    assert properties == {
        "run_id": "r9",
        "status": "PASSED",
        "context.branch": "main",
        "context.metadata": '{"a":1}',
    }


def test_junit_tests_of_the_same_name_stay_apart():
    root = parse(make_result([UnitSpec("t"), UnitSpec("t"), UnitSpec("u")]))
    names = [item.get("name") for item in root.iter("testcase")]
    assert names == ["t [test-0]", "t [test-1]", "u"]


def test_junit_output_has_attempts_logs_and_skip_reasons():
    steps = [
        StepSpec("A", attempts=[Failure("ConnectionError", "refused")], logs=["one\ntwo"]),
        StepSpec("B", Status.SKIPPED, extra={"reason": "`if: false` is false"}),
    ]
    text = case(parse(make_result([UnitSpec("t", steps)])), "t").findtext("system-out")
    assert text == (
        "✓ A (100ms)\n    attempt 1 failed: refused\n    one\n    two\n"
        "- B (100ms)\n    skipped: `if: false` is false"
    )


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (".rocketship/users.yaml", "rocketship.users"),
        ("./api/rocketship.yml", "api.rocketship"),
        ("api/v1.2/users.yaml", "api.v1_2.users"),
        ("../common/users.yaml", "common.users"),
        ("/home/me/users.yaml", "Users"),
        ("", "Users"),
    ],
)
def test_junit_class_name_does_not_depend_on_the_machine(file, expected):
    assert class_name(make_result(suite="Users", file=file)) == expected


def test_junit_no_runs_is_a_valid_empty_document():
    assert parse().get("tests") == "0"


def test_junit_unstarted_run_is_valid():
    assert parse(RunResult("r1"))[0].get("name") == "r1"


@given(st.text())
def test_junit_any_text_anywhere_gives_valid_xml(text):
    step = StepSpec(text, Status.FAILED, logs=[text], extra={"failure": Failure("X", text)})
    unit = UnitSpec(f"t{text}", (step,), message=text)
    parse(make_result([unit], context={"k": text}))


def test_junit_text_survives_escaping():
    text = "a <b> & \"c\" 'd' ]]> \t\n 日本 👍"
    unit = UnitSpec("t", (), Status.SKIPPED, text)
    skipped = case(parse(make_result([unit])), "t").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == text


def test_junit_ten_thousand_tests_render_in_linear_time():
    small, large = make_result([UnitSpec("t")] * 1000), make_result([UnitSpec("t")] * 10_000)
    begun = time.perf_counter()
    render([small])
    middle = time.perf_counter()
    document = render([large])
    ended = time.perf_counter()
    assert document.count(b"<testcase ") == 10_000
    assert ended - middle < max(30 * (middle - begun), 5)


def test_junit_of_a_run_in_which_nothing_was_executed_is_red():
    skipped = UnitSpec("A", (), Status.SKIPPED)
    run = replace(make_result([skipped]), status=Status.FAILED, message="no test was executed")

    root = parse(run)

    assert (root.get("tests"), root.get("errors"), root.get("skipped")) == ("2", "1", "1")
    error = case(root, "the run").find("error")
    assert error is not None
    assert error.get("message") == "no test was executed"
