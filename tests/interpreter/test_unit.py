from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from rocketship.interpreter.host import Interrupt, UnitKind
from rocketship.interpreter.unit import UnitOutcome
from rocketship.run.events import AttemptFailed, StepFinished, TestFinished, TestStarted
from rocketship.run.status import Status
from rocketship.suite.model import Step
from tests.interpreter.probe import ENDLESS, UNREADABLE, Stage, step, unit

QUICK = {"initial_interval": "1ms"}

CRASHED = "the probe plugin failed unexpectedly: ValueError: cannot be read"


def test_unit_runs_init_then_steps_then_always() -> None:
    stage = Stage(
        unit(init=[step("a")], steps=[step("b")], on_failure=[step("x")], always=[step("c")])
    )

    outcome = stage.run()

    assert outcome.status is Status.PASSED
    assert stage.probe.calls == ["a", "b", "c"]
    assert isinstance(stage.host.events[0], TestStarted)
    assert isinstance(stage.host.events[-1], TestFinished)


@pytest.mark.parametrize("phase", ["init", "steps"])
def test_failed_step_skips_the_rest_and_runs_both_cleanup_lists(phase: str) -> None:
    phases: dict[str, Any] = {"init": [step("i")], "steps": [step("s")]}
    phases[phase] = [step("bad", "fail"), step("never")]
    stage = Stage(unit(**phases, on_failure=[step("f")], always=[step("a")]))

    outcome = stage.run()

    assert outcome.status is Status.FAILED
    assert "bad refused" in outcome.message
    assert stage.probe.calls[-3:] == ["bad", "f", "a"]
    assert "never" not in stage.probe.calls
    assert ("s" in stage.probe.calls) is False


def test_failed_cleanup_step_is_counted_and_changes_nothing_else() -> None:
    stage = Stage(unit(steps=[step("s")], always=[step("bad", "fail"), step("next")]))

    outcome = stage.run()

    assert outcome.status is Status.PASSED
    assert outcome.cleanup_failures == 1
    assert stage.probe.calls == ["s", "bad", "next"]


def test_step_that_continues_on_failure_still_fails_the_test() -> None:
    stage = Stage(unit(steps=[step("bad", "fail", continue_on_failure=True), step("next")]))

    outcome = stage.run()

    assert outcome.status is Status.FAILED
    assert stage.probe.calls == ["bad", "next"]


def test_saved_values_keep_their_type_for_later_steps() -> None:
    stage = Stage(
        unit(steps=[step("a", value=[1, {"b": 2}], save="x"), step("b", value="{{ x[1].b }}")])
    )

    outcome = stage.run()

    assert outcome.saved == {"x": [1, {"b": 2}]}
    assert stage.probe.seen[1].config["value"] == 2


def test_failed_assertion_names_expected_and_actual_and_takes_no_saves() -> None:
    stage = Stage(unit(steps=[step("a", value=1, expect=2, save="x")]))

    outcome = stage.run()

    assert outcome.status is Status.FAILED
    assert outcome.saved == {}
    finished = next(e for e in stage.host.events if isinstance(e, StepFinished))
    assert finished.failure is not None
    assert finished.failure.type == "AssertionError"
    assert (finished.assertions[0].expected, finished.assertions[0].actual) == (2, 1)


def test_condition_that_is_false_skips_the_step_with_its_reason() -> None:
    stage = Stage(unit(steps=[step("a", condition=".saved.x == 1"), step("b")]))

    outcome = stage.run()

    assert outcome.status is Status.PASSED
    assert stage.finished == [("a", "SKIPPED"), ("b", "PASSED")]
    skipped = next(e for e in stage.host.events if isinstance(e, StepFinished))
    assert skipped.reason is not None
    assert ".saved.x == 1" in skipped.reason


def test_retry_repeats_until_it_passes_and_tells_each_failed_attempt() -> None:
    stage = Stage(unit(steps=[step("a", "fail", times=2, retry={**QUICK, "maximum_attempts": 5})]))

    outcome = stage.run()

    assert outcome.status is Status.PASSED
    assert stage.probe.calls == ["a"] * 3
    failed = [e for e in stage.host.events if isinstance(e, AttemptFailed)]
    assert [(e.number, e.maximum) for e in failed] == [(1, 5), (2, 5)]


@pytest.mark.parametrize(
    ("retry", "calls"),
    [
        (None, 1),
        (QUICK, 3),
        ({**QUICK, "maximum_attempts": 2}, 2),
        ({**QUICK, "maximum_attempts": "{{ .vars.n }}"}, 4),
        ({**QUICK, "non_retryable_errors": ["ConnectionError"]}, 1),
        ({**QUICK, "non_retryable_errors": ["AssertionError", "Unknown"]}, 3),
    ],
)
def test_retry_counts_total_attempts(retry: dict[str, object] | None, calls: int) -> None:
    stage = Stage(unit(steps=[step("a", "fail", retry=retry)]), plan_changes={"vars": {"n": 4}})

    outcome = stage.run()

    assert outcome.status is Status.FAILED
    assert len(stage.probe.calls) == calls


def test_cleanup_steps_honour_retry_and_timeout() -> None:
    slow = step("slow", "wait", timeout="5ms")
    flaky = step("flaky", "fail", times=1, retry=QUICK)
    stage = Stage(unit(steps=[step("s")], always=[slow, flaky]))

    outcome = stage.run()

    assert stage.probe.calls == ["s", "slow", "flaky", "flaky"]
    assert outcome.cleanup_failures == 1


def test_attempt_over_its_timeout_fails_as_timeout_error() -> None:
    stage = Stage(unit(steps=[step("a", "wait", timeout="5ms")]))

    outcome = stage.run()

    assert outcome.status is Status.FAILED
    finished = next(e for e in stage.host.events if isinstance(e, StepFinished))
    assert finished.failure is not None
    assert finished.failure.type == "TimeoutError"


@pytest.mark.parametrize("looks", [{"expect": 1}, {"save": "x"}])
def test_timeout_of_a_step_is_for_its_assertions_and_saves_too(looks: dict[str, Any]) -> None:
    stage = Stage(unit(steps=[step("a", value=ENDLESS, timeout="5ms", **looks)]))

    outcome = stage.run()

    finished = next(e for e in stage.host.events if isinstance(e, StepFinished))
    assert finished.failure is not None
    assert finished.failure.type == "TimeoutError"
    assert finished.request is not None
    assert outcome.status is Status.FAILED


def test_test_over_its_timeout_ends_timeout_and_cleans_up() -> None:
    stage = Stage(unit(steps=[step("a", "wait")], always=[step("c")], timeout=0.01))

    outcome = stage.run()

    assert outcome.status is Status.TIMEOUT
    assert stage.finished == [("a", "TIMEOUT"), ("c", "PASSED")]


def test_plugin_that_crashes_fails_the_step_and_nothing_else() -> None:
    stage = Stage(unit(steps=[step("a", "crash")], always=[step("c")]))

    outcome = stage.run()

    assert "RuntimeError: surprise" in outcome.message
    assert stage.probe.calls == ["a", "c"]


@pytest.mark.parametrize("looks", [{"expect": 1}, {"save": "x"}, {"save": "x", "redact": True}])
def test_observable_that_crashes_fails_the_step_and_nothing_else(looks: dict[str, Any]) -> None:
    stage = Stage(unit(steps=[step("a", value=UNREADABLE, **looks)], always=[step("c")]))

    outcome = stage.run()

    assert CRASHED in outcome.message
    assert stage.probe.calls == ["a", "c"]


def test_plugin_that_cannot_tell_whether_it_may_be_repeated_fails_the_step_and_nothing_else():
    failing = step("a", safe=UNREADABLE)
    stage = Stage(unit(steps=[failing], always=[step("c")]))

    outcome = stage.run()

    assert CRASHED in outcome.message
    assert stage.probe.calls == ["c"]


def test_script_failure_keeps_what_the_plugin_saved() -> None:
    stage = Stage(unit(steps=[step("a", "script", value=1, expect=1)], always=[step("c")]))

    outcome = stage.run()

    assert outcome.status is Status.FAILED
    assert outcome.saved == {"out": 3}
    finished = next(e for e in stage.host.events if isinstance(e, StepFinished))
    assert finished.assertions[0].passed


@pytest.mark.parametrize(
    ("reason", "status"),
    [(Interrupt.CANCEL, Status.CANCELLED), (Interrupt.DEADLINE, Status.TIMEOUT)],
)
def test_interrupt_stops_the_call_in_flight_and_cleans_up(
    reason: Interrupt, status: Status
) -> None:
    stage = Stage(
        unit(steps=[step("a", "wait"), step("b")], on_failure=[step("f")], always=[step("c")])
    )

    async def main() -> None:
        playing = asyncio.ensure_future(stage.play())
        while "a" not in stage.probe.gates:
            await asyncio.sleep(0)
        await stage.probe.gates["a"].entered.wait()
        stage.host.interrupt.set(reason)
        outcome = await playing
        assert outcome.status is status

    asyncio.run(main())
    assert stage.finished == [("a", status.value), ("f", "PASSED"), ("c", "PASSED")]


def test_unit_interrupted_before_it_began_runs_nothing() -> None:
    stage = Stage(unit(steps=[step("a")], always=[step("c")]))
    stage.host.interrupt.set(Interrupt.CANCEL)

    outcome = stage.run()

    assert outcome.status is Status.CANCELLED
    assert stage.probe.calls == []


def test_force_skips_cleanup() -> None:
    stage = Stage(unit(steps=[step("a", "wait")], always=[step("c")]))

    async def main() -> None:
        playing = asyncio.ensure_future(stage.play())
        while "a" not in stage.probe.gates:
            await asyncio.sleep(0)
        stage.host.interrupt.set(Interrupt.CANCEL, force=True)
        assert (await playing).status is Status.CANCELLED

    asyncio.run(main())
    assert stage.probe.calls == ["a"]


def test_second_cancel_does_not_disturb_cleanup_but_force_does() -> None:
    stage = Stage(unit(steps=[step("a")], always=[step("c", "wait"), step("d")]))

    async def main() -> None:
        playing = asyncio.ensure_future(stage.play())
        while "c" not in stage.probe.gates:
            await asyncio.sleep(0)
        stage.host.interrupt.set(Interrupt.CANCEL)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not playing.done()
        stage.host.interrupt.set(Interrupt.CANCEL, force=True)
        await playing

    asyncio.run(main())
    assert stage.finished == [("a", "PASSED"), ("c", "CANCELLED")]


def test_cleanup_over_its_budget_is_cut_and_what_it_leaves_undone_is_told_and_counted() -> None:
    stage = Stage(
        unit(steps=[step("a")], always=[step("b"), step("c", "wait"), step("d"), step("e")]),
        plan_changes={"cleanup_timeout_seconds": 0.01},
    )

    outcome = stage.run()

    assert outcome.status is Status.PASSED
    assert outcome.cleanup_failures == 3
    steps = [("a", "PASSED"), ("b", "PASSED"), ("c", "TIMEOUT"), ("d", "SKIPPED"), ("e", "SKIPPED")]
    assert stage.finished == steps
    last = stage.host.events[-2]
    assert isinstance(last, StepFinished)
    assert last.reason == "cleanup took longer than its budget of 10ms"


def test_suite_cleanup_that_is_skipped_by_force_says_so() -> None:
    stage = Stage(unit(always=[step("a")]), kind=UnitKind.CLEANUP)
    stage.host.interrupt.set(Interrupt.CANCEL, force=True)

    outcome = stage.run()

    assert stage.probe.calls == []
    assert outcome.status is Status.SKIPPED
    assert outcome.message == "not run: the run was cancelled by force"


def test_suite_cleanup_that_is_cut_off_by_force_has_not_passed() -> None:
    stage = Stage(unit(always=[step("a", "wait")]), kind=UnitKind.CLEANUP)

    async def main() -> UnitOutcome:
        playing = asyncio.ensure_future(stage.play())
        while "a" not in stage.probe.gates:
            await asyncio.sleep(0)
        stage.host.interrupt.set(Interrupt.CANCEL, force=True)
        return await playing

    assert asyncio.run(main()).status is Status.CANCELLED


def test_suite_cleanup_runs_on_failure_only_for_a_failed_run() -> None:
    for failed, calls in ((False, ["a"]), (True, ["f", "a"])):
        stage = Stage(
            unit(on_failure=[step("f")], always=[step("a")]),
            kind=UnitKind.CLEANUP,
            job_changes={"failed": failed},
        )
        outcome = stage.run()
        assert stage.probe.calls == calls
        assert outcome.status is Status.PASSED


def test_secrets_of_config_saves_and_plugins_never_reach_an_event() -> None:
    stage = Stage(
        unit(
            steps=[
                step("a", password="hunter22", value="tok-98765", save="token", redact=True),
                step("b {{ token }}", "fail", value="{{ token }}"),
            ]
        )
    )

    outcome = stage.run()

    assert outcome.status is Status.FAILED
    shown = repr(stage.host.events)
    assert "hunter22" not in shown
    assert "tok-98765" not in shown
    assert "***" in shown


def test_secret_that_is_saved_without_saying_so_is_handed_on_as_one() -> None:
    stage = Stage(
        unit(
            init=[
                step("a", password="hunter22", value="hunter22", save="token"),
                step("b", value="plain", save="word"),
            ]
        ),
        kind=UnitKind.INIT,
    )
    assert stage.run().secret_names == ("token",)


@pytest.mark.parametrize(
    "steps",
    [
        [step("a")] * 3000,
        [replace(once := step("a", value=1, expect=1), assertions=once.assertions * 3000)],
    ],
    ids=["steps", "assertions"],
)
def test_unit_that_waits_for_nothing_gives_others_their_turn(steps: list[Step]) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def play() -> UnitOutcome:
        counting = asyncio.create_task(count())
        try:
            return await Stage(unit(steps=steps)).play()
        finally:
            counting.cancel()

    assert asyncio.run(play()).status is Status.PASSED
    # Without waiting for anything a unit has one turn from its first step to its last.
    assert turns > 8
