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

      {"name": "Ada", "roles": ["admin", "author"]}
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


def test_failure_of_an_earlier_attempt_is_cut_to_one_line():
    step = StepSpec("Poll", Status.FAILED, attempts=[Failure("X", "not\nyet " * 30)])
    text = describe(UnitSpec("t", [step]))
    assert (
        f"      1. X: {('not yet ' * 30)[:100]}… (139 more characters) (then waited 500ms)" in text
    )


def test_step_that_was_stopped_between_attempts_was_not_attempted_again():
    refused = Failure("ConnectionError", "refused")
    step = StepSpec("Poll", Status.TIMEOUT, attempts=[refused], extra={"attempts": 1})
    text = describe(UnitSpec("t", [step]))
    assert "1. ConnectionError: refused (stopped while waiting 500ms)" in text
    assert "failed as shown above" not in text


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


def test_failure_assertion_with_a_diff_shows_all_of_it():
    diff = "\n".join(f"+{number}" for number in range(20)) + "\n… 7 more lines"
    text = describe(make_failed_unit(assertions=(make_assertion(message="m" * 90, diff=diff),)))
    assert "✗ status_code equals (line 15)" in text
    assert "      +19\n      … 7 more lines\n    request\n" in text


def test_failure_assertion_message_that_does_not_fit_is_wrapped():
    message = (
        'header X-Absent: expected "something", got nothing (the response has only date, server)'
    )
    check = make_assertion(type="header", target="X-Absent", expected="something", message=message)
    text = describe(make_failed_unit(assertions=(check,)))
    assert (
        """
    ✗ header X-Absent: expected "something", got nothing (the response has only
      date, server) (line 15)
    request
"""
        in text
    )


def test_failure_assertion_line_number_stays_in_one_piece():
    check = make_assertion(message="m" * 69)
    text = describe(make_failed_unit(assertions=(check,)))
    assert f"    ✗ {'m' * 69}\n      (line 15)\n" in text


def test_failure_assertion_message_keeps_spaces_and_line_ends():
    check = make_assertion(message='expected "a  b", got "a b"\nin the first line')
    text = describe(make_failed_unit(assertions=(check,)))
    assert '    ✗ expected "a  b", got "a b"\n      in the first line (line 15)\n' in text


def test_failure_assertion_shows_long_values_that_the_message_cuts():
    check = make_assertion(expected="a" * 300, actual="b" * 300, message="expected aaa…, got bbb…")
    text = describe(make_failed_unit(assertions=(check,)))
    assert (
        f'''
    ✗ expected aaa…, got bbb… (line 15)
      expected  "{"a" * 99}… (202 more characters)
      actual    "{"b" * 99}… (202 more characters)
    request
'''
        in text
    )


def test_failure_assertion_does_not_repeat_values_that_the_message_shows():
    long = "c" * 90
    check = make_assertion(expected="5", actual=long, message=f'expected "5", got "{long}"')
    text = describe(make_failed_unit(assertions=(check,)))
    assert text.count(long) == 1


def test_failure_assertion_without_a_message_is_named():
    check = make_assertion(type="json_path", target=".name", message="")
    assert "    ✗ json_path .name equals (line 15)" in describe(
        make_failed_unit(assertions=(check,))
    )


def test_failure_soft_assertion_says_that_it_does_not_count():
    check = make_assertion(soft=True)
    text = describe(make_failed_unit(assertions=(check,)))
    assert "(line 15, soft, does not fail the step)" in text


def test_failure_of_a_test_out_of_time_says_so_first():
    step = StepSpec("Wait", Status.TIMEOUT, extra={"failure": Failure("Interrupted", "stopped")})
    text = describe(UnitSpec("t", [step], message="took longer than 2s"))
    assert text.startswith("  timed out after 400ms: took longer than 2s\n")
    assert "Interrupted: stopped" in text


def test_failure_of_a_test_out_of_time_says_why_only_once():
    step = StepSpec("Wait", Status.TIMEOUT, extra={"failure": Failure("Interrupted", "too slow")})
    text = describe(UnitSpec("t", [step], message="too slow"))
    assert text.startswith("  timed out after 400ms\n")
    assert text.count("too slow") == 1


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
