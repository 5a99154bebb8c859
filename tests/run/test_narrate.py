from __future__ import annotations

from collections.abc import Iterable

import pytest

from rocketship.run.events import (
    Event,
    Failure,
    LogEmitted,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    TestFinished,
    TestInfo,
    TestStarted,
)
from rocketship.run.narrate import Line, Narrator, Style
from rocketship.run.status import Status
from tests.builders import (
    StepSpec,
    UnitSpec,
    make_assertion,
    make_failed_unit,
    make_mixed_events,
    make_run_events,
)


def narrate(events: Iterable[Event]) -> list[Line]:
    narrator = Narrator()
    return [line for event in events for line in narrator.lines(event)]


def messages(*args, **changes) -> list[str]:
    return [line.message for line in narrate(make_run_events(*args, **changes))]


def verdict(*args, **changes) -> str:
    return messages(*args, **changes)[-1]


def test_narrate_passing_test_says_the_familiar_phrases():
    assert messages() == [
        'Starting suite "users"',
        "Starting test: reads a user",
        "Starting step: Get user",
        "Step completed successfully",
        "Test passed in 400ms: reads a user",
        'Test run: "users" finished. All 1 tests passed.',
    ]


def test_narrate_run_with_origin_names_project_and_source():
    first = messages(context={"project_id": "shop", "source": "ci"})[0]
    assert first == 'Starting suite "users" [shop/ci]'


@pytest.mark.parametrize(
    ("phase", "started", "passed", "failed"),
    [
        ("steps", "Starting step: S", "Step completed successfully", "Step failed: no"),
        (
            "init",
            "Starting init step: S",
            "Init step completed successfully",
            "Init step failed: no",
        ),
        (
            "always",
            "Starting cleanup step: S",
            "Cleanup step completed successfully",
            "Cleanup step failed: no",
        ),
        (
            "on_failure",
            "Starting cleanup (on_failure) step: S",
            "Cleanup (on_failure) step completed successfully",
            "Cleanup (on_failure) step failed: no",
        ),
    ],
)
def test_narrate_step_is_named_after_its_phase(phase, started, passed, failed):
    failure = {"failure": Failure("ConnectionError", "no")}
    good = messages([UnitSpec(steps=[StepSpec("S", phase=phase)])])
    bad = messages([UnitSpec(steps=[StepSpec("S", Status.FAILED, phase, extra=failure)])])
    assert [good[2], good[3], bad[3]] == [started, passed, failed]


def test_narrate_lines_carry_test_step_time_and_style():
    events = make_mixed_events()
    lines = narrate(events)
    failed = next(line for line in lines if line.message.startswith("Step failed: Assert"))
    assert failed == Line(
        failed.at,
        "Step failed: Assertion failed: status_code: expected 200, got 500",
        "creates a user",
        "Create user",
        Style.BAD,
    )
    assert failed.at in [event.at for event in events]
    assert (failed.style.color, failed.style.bold) == ("red", True)
    assert lines[-1].style is Style.STRONG
    assert not lines[-1].test


def test_narrate_suite_init_and_cleanup_have_fixed_phrases():
    lines = messages(init=UnitSpec("users::suite-init"), cleanup=UnitSpec("users::suite-cleanup"))
    assert "Suite init completed" in lines
    assert lines[-2] == "Suite cleanup completed"


def test_narrate_failed_init_counts_every_test_as_failed():
    lines = messages([UnitSpec(), UnitSpec("other")], init=make_failed_unit("users::suite-init"))
    assert "Suite init failed: Create user failed" in lines
    assert "No test is run, because suite init failed" in lines
    assert lines[-1] == 'Test run: "users" finished. 0/2 tests passed, 2/2 tests failed.'


def test_narrate_failing_cleanup_step_is_told_without_changing_the_verdict():
    leftover = StepSpec("D", Status.FAILED, "always", extra={"failure": Failure("X", "gone")})
    lines = messages([UnitSpec(steps=(StepSpec(), leftover))], cleanup=UnitSpec("c", (leftover,)))
    assert "1 cleanup step failed" in lines
    assert "Suite cleanup failed: 1 cleanup step failed" in lines
    assert lines[-1].endswith("All 1 tests passed.")


def test_narrate_retries_tell_attempt_wait_and_reason():
    flaky = StepSpec(attempts=[Failure("ConnectionError", "refused")])
    lines = messages([UnitSpec(steps=[flaky])])
    assert "Attempt 1 of 2 failed, trying again in 500ms: refused" in lines


def test_narrate_skipped_steps_and_tests_give_their_reason():
    step = StepSpec(status=Status.SKIPPED, extra={"reason": "`if: false` is false"})
    lines = messages([UnitSpec(steps=[step]), UnitSpec("later", (), Status.SKIPPED, "not ready")])
    assert "Step skipped: `if: false` is false" in lines
    assert "Test skipped: later: not ready" in lines


def test_narrate_failed_soft_assertion_of_a_passing_step_is_mentioned():
    check = make_assertion(soft=True)
    lines = messages([UnitSpec(steps=[StepSpec(extra={"assertions": (check,)})])])
    assert "Soft assertion failed: status_code: expected 200, got 500" in lines


@pytest.mark.parametrize(
    ("level", "style"),
    [("debug", Style.PLAIN), ("info", Style.PLAIN), ("warn", Style.CAUTION), ("error", Style.BAD)],
)
def test_narrate_log_line_shows_the_message_in_the_style_of_its_level(level, style):
    line, *more = Narrator().lines(LogEmitted(1.0, "", 1, "", "hello", level))
    assert (line.message, line.style, more) == ("hello", style, [])


def test_narrate_log_line_of_a_finished_step_still_knows_its_step():
    narrator = Narrator()
    events: list[Event] = [
        TestStarted(1.0, "t-0", 1, "T"),
        StepStarted(1.0, "t-0", 1, "steps[0]", "A", "steps", "script"),
        StepFinished(1.0, "t-0", 1, "steps[0]", "A", "steps", "script", Status.PASSED, 0.1),
        StepStarted(1.0, "t-0", 1, "steps[1]", "B", "steps", "log"),
    ]
    for event in events:
        list(narrator.lines(event))
    (line,) = narrator.lines(LogEmitted(1.0, "t-0", 1, "steps[0]", "late"))
    assert (line.test, line.step) == ("T", "A")


def test_narrate_resumed_test_says_so_and_counts_once():
    narrator = Narrator()
    events: list[Event] = [
        RunStarted(1.0, "s", "s.yaml", (TestInfo("a", "A"),)),
        TestStarted(1.0, "t-0", 1, "A"),
        TestStarted(2.0, "t-0", 2, "A"),
        TestFinished(3.0, "t-0", 2, "A", Status.PASSED, 2.0),
        TestFinished(3.0, "t-0", 2, "A", Status.PASSED, 2.0),
        RunFinished(3.0, Status.PASSED, 2.0),
    ]
    lines = [line.message for event in events for line in narrator.lines(event)]
    assert "Resuming test: A" in lines
    assert lines[-1] == 'Test run: "s" finished. All 1 tests passed.'


FAILED = UnitSpec("f", status=Status.FAILED)
TIMEOUT = UnitSpec("t", status=Status.TIMEOUT)
SKIPPED = UnitSpec("s", (), Status.SKIPPED)
PENDING = UnitSpec("p", (), Status.PENDING)


@pytest.mark.parametrize(
    ("tests", "status", "counts"),
    [
        ([UnitSpec(), UnitSpec()], None, "All 2 tests passed."),
        ([UnitSpec(), SKIPPED], None, "All 1 tests passed."),
        ([UnitSpec(), FAILED], None, "1/2 tests passed, 1/2 tests failed."),
        ([FAILED, FAILED], None, "0/2 tests passed, 2/2 tests failed."),
        (
            [UnitSpec(), FAILED, TIMEOUT],
            None,
            "1/3 tests passed, 2/3 tests failed, 1/3 tests timed out.",
        ),
        ([TIMEOUT], None, "0/1 tests passed, 1/1 tests failed, 1/1 tests timed out."),
        ([UnitSpec(), PENDING], Status.CANCELLED, "1/2 tests passed, 1/2 tests failed."),
        ([UnitSpec(), PENDING], Status.TIMEOUT, "1/2 tests passed, 1/2 tests failed."),
        ([UnitSpec()], Status.CANCELLED, "1/2 tests passed, 1/2 tests failed."),
        ([SKIPPED], Status.FAILED, "0/0 tests passed, 0/0 tests failed."),
    ],
)
def test_narrate_last_line_is_the_verdict_old_clients_read(tests, status, counts):
    assert verdict(tests, status=status) == f'Test run: "users" finished. {counts}'


@pytest.mark.parametrize(
    ("status", "said"),
    [(Status.CANCELLED, "Run cancelled: Ctrl+C"), (Status.TIMEOUT, "Run timed out: Ctrl+C")],
)
def test_narrate_interrupted_run_says_why_before_the_verdict(status, said):
    assert messages(status=status, message="Ctrl+C")[-2] == said


def test_narrate_timeout_of_a_test_is_not_told_as_that_of_the_run():
    lines = messages([UnitSpec("t", status=Status.TIMEOUT, message="took longer than 2s")])
    assert lines[-2] == "Test timed out after 400ms: t: took longer than 2s"


@pytest.mark.parametrize(
    "spoof",
    ['Test run: "users" finished. All 9 tests passed.', "x\nTEST  run : y", "Test\x1b[0m run: z"],
)
def test_narrate_log_message_cannot_pass_for_the_verdict(spoof):
    step = StepSpec("Say", plugin="log", logs=[spoof])
    said = messages([UnitSpec(steps=[step])])[3]
    assert "\u200b" in said
    assert "test run:" not in said.lower()


def test_narrate_names_cannot_pass_for_the_verdict():
    name = 'Test run: "x" finished. All 1 tests passed.'
    lines = messages([UnitSpec(name, [StepSpec(name)])], suite=name)
    assert [line for line in lines if line.startswith("Test run:")] == lines[-1:]
    assert all(line.count("Test run:") == 0 for line in lines[:-1])
    assert lines[-1].count("Test run:") == 1


def test_narrate_user_text_has_no_terminal_control():
    evil = "\x1b]0;title\x07name"
    step = StepSpec(evil, logs=[evil])
    for line in narrate(make_run_events([UnitSpec(evil, [step])], suite=evil)):
        assert "\x1b" not in line.message + line.test + line.step
        assert "title" not in line.message + line.test + line.step
