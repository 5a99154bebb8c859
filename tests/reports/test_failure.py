from __future__ import annotations

from rocketship.reports.exchange import Limits
from rocketship.reports.failure import Layout, Role, failure_lines
from rocketship.run.events import Failure
from rocketship.run.status import Status
from tests.builders import (
    StepSpec,
    UnitSpec,
    make_assertion,
    make_failed_step,
    make_failed_unit,
    make_result,
)

LAYOUT = Layout(width=80, limits=Limits(lines=4, characters=100))


def describe(unit: UnitSpec) -> str:
    run = make_result([unit])
    return "\n".join(line.text for line in failure_lines(run, run.tests[0], LAYOUT))


def test_failure_of_a_step_tells_everything_about_it():
    flaky = make_failed_step()
    step = StepSpec(
        flaky.name,
        flaky.status,
        logs=["said once", "said twice"],
        attempts=[Failure("ConnectionError", "connection refused")],
        extra=flaky.extra,
    )
    assert (
        describe(UnitSpec("creates", [step]))
        == """\
  step "Create user" (http) at .rocketship/users.yaml:12
  AssertionError: 1 assertion failed
    ✗ status_code: expected 200, got 500 (line 15)
    attempts
      1. ConnectionError: connection refused (then waited 500ms)
      2. failed as shown above
    request
      POST http://127.0.0.1:8080/users
      content-type: application/json
      authorization: ***

      {
        "name": "Ada",
        "roles": [
          "admin",
      … 3 more lines
    response
      status 500
      content-type: text/plain

      database is down
    reproduce
      curl -X POST http://127.0.0.1:8080/users -d '{"name":"Ada"}'
    output
      said once
      said twice"""
    )


def test_failure_with_several_failed_steps_describes_each():
    text = describe(UnitSpec("t", [make_failed_step(), make_failed_step()]))
    assert text.count('step "Create user"') == 2


def test_failure_message_that_is_not_the_assertions_is_kept_and_wrapped():
    message = "the server hung up in the middle of the answer " * 3
    text = describe(make_failed_unit(failure=Failure("ConnectionError", message, "try again")))
    assert "  ConnectionError: the server hung up" in text
    assert "  hint: try again" in text
    assert max(len(line) for line in text.split("\n")) <= LAYOUT.width


def test_failure_assertion_with_a_diff_shows_the_diff():
    run = make_result([make_failed_unit(assertions=(make_assertion(diff="-1\n+2\n same\n"),))])
    lines = list(failure_lines(run, run.tests[0], LAYOUT))
    assert [line.role for line in lines if line.text.strip() in ("-1", "+2", "same")] == [
        Role.EXPECTED,
        Role.ACTUAL,
        Role.PLAIN,
    ]


def test_failure_assertion_with_a_long_message_shows_both_values_in_rows():
    check = make_assertion(
        type="json_path", target=".name", expected="a" * 90, actual=None, message="m" * 200
    )
    text = describe(make_failed_unit(assertions=(check,)))
    assert "✗ json_path .name equals (line 15)" in text
    assert f'      expected  "{"a" * 90}"' in text
    assert "      actual    null" in text


def test_failure_soft_assertion_says_that_it_does_not_count():
    check = make_assertion(soft=True)
    text = describe(make_failed_unit(assertions=(check,)))
    assert "(line 15, soft, does not fail the step)" in text


def test_failure_of_a_test_out_of_time_says_so_first():
    step = StepSpec("Wait", Status.TIMEOUT, extra={"failure": Failure("Interrupted", "stopped")})
    text = describe(UnitSpec("t", [step], message="took longer than 2s"))
    assert text.startswith("  timed out after 400ms: took longer than 2s\n")
    assert "Interrupted: stopped" in text


def test_failure_without_steps_shows_the_message():
    assert describe(UnitSpec("t", (), Status.FAILED, "not run: x")) == "  failed: not run: x"


def test_failure_text_from_outside_cannot_control_a_terminal():
    evil = "\x1b[2Jevil\x07"
    step = make_failed_step(
        failure=Failure("AssertionError", evil, evil),
        assertions=(make_assertion(message=evil, target=evil, diff=evil),),
        request={"url": evil, "method": evil, "headers": {evil: evil}, "body": evil},
        response=evil,
        reproduce=evil,
    )
    text = describe(UnitSpec(evil, [step], message=evil))
    assert "\x1b" not in text
    assert "\x07" not in text
