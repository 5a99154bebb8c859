"""A unit resumed from every checkpoint an earlier holder could have left."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from rocketship.interpreter.host import Interrupt
from rocketship.run.events import StepFinished, StepStarted
from rocketship.run.status import Status
from tests.interpreter.probe import Stage, step, unit


def suite(safe: str = "yes", *, failing: bool = False) -> dict[str, Any]:
    return {
        "init": [step("i0", safe=safe, value=7, save="x")],
        "steps": [step("s0", safe=safe), step("s1", "fail" if failing else "ok", safe=safe)],
        "on_failure": [step("f0", safe=safe)],
        "always": [step("a0", safe=safe), step("a1", safe=safe)],
    }


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("safe", ["yes", "no"])
def test_unit_resumed_from_any_checkpoint_keeps_its_promises(safe: str, failing: bool) -> None:
    first = Stage(unit(**suite(safe, failing=failing)))
    whole = first.run()

    for earlier in first.host.checkpoints:
        second = Stage(unit(**suite(safe, failing=failing)), earlier=earlier)
        outcome = second.run()
        names = [*_finished_before(earlier), *second.probe.calls]
        counts = Counter(names)
        assert counts["a0"] >= 1, earlier
        assert counts["a1"] >= 1, earlier
        assert all(count == 1 for count in counts.values()), (earlier, counts)
        if earlier["in_flight"] and earlier["phase"] in ("init", "steps"):
            assert outcome.status is Status.FAILED
            assert "interrupted" in outcome.message or failing
        else:
            assert outcome.status is whole.status, earlier


def _finished_before(earlier: dict[str, Any]) -> list[str]:
    """Return the steps that ran before the checkpoint, with the one in flight."""
    order = {"init": ["i0"], "steps": ["s0", "s1"], "on_failure": ["f0"], "always": ["a0", "a1"]}
    done: list[str] = []
    for phase, names in order.items():
        if phase == earlier["phase"]:
            main = phase in ("init", "steps")
            return done + names[: earlier["done"] + (1 if earlier["in_flight"] and main else 0)]
        if phase != "on_failure" or earlier["status"] != "PASSED":
            done += names
    return done


@pytest.mark.parametrize("safe", ["yes", "no"])
def test_cleanup_only_runs_cleanup_with_the_saved_values(safe: str) -> None:
    phases = suite(safe)
    phases["always"] = [step("a0", value="{{ x }}")]
    first = Stage(unit(**phases))
    first.run()
    in_steps = [item for item in first.host.checkpoints if item["phase"] == "steps"][0]

    second = Stage(unit(**phases), earlier=in_steps, only_cleanup=True)
    outcome = second.run()

    assert outcome.status is Status.FAILED
    assert second.probe.calls == ["f0", "a0"]
    assert second.probe.seen[-1].config["value"] == 7


def test_cleanup_only_of_a_unit_that_never_began_runs_nothing() -> None:
    stage = Stage(unit(**suite()), only_cleanup=True)

    outcome = stage.run()

    assert outcome.status is Status.FAILED
    assert outcome.message.startswith("not run")
    assert stage.probe.calls == []


def test_lost_step_that_must_not_be_repeated_is_reported_as_interrupted() -> None:
    phases: dict[str, Any] = {"steps": [step("s0", safe="no")], "always": [step("a0")]}
    first = Stage(unit(**phases))
    first.run()
    in_flight = next(item for item in first.host.checkpoints if item["in_flight"])

    second = Stage(unit(**phases), earlier=in_flight)
    second.run()

    assert second.finished == [("s0", "FAILED"), ("a0", "PASSED")]
    lost = next(event for event in second.host.events if isinstance(event, StepFinished))
    assert lost.failure is not None
    assert lost.failure.type == "Interrupted"
    assert "replay: safe" in (lost.failure.hint or "")


def test_replay_safe_on_the_step_allows_repeating_it() -> None:
    phases: dict[str, Any] = {"steps": [step("s0", safe="no", replay="safe")]}
    first = Stage(unit(**phases))
    first.run()

    assert not any(item["in_flight"] for item in first.host.checkpoints)


def test_finished_unit_is_not_run_again() -> None:
    first = Stage(unit(**suite()))
    whole = first.run()

    second = Stage(unit(**suite()), earlier=first.host.checkpoints[-1])

    assert second.run() == whole
    assert second.probe.calls == []


def test_cancelled_unit_that_is_evicted_is_cleaned_up_as_cancelled_by_the_next_holder() -> None:
    phases: dict[str, Any] = {"steps": [step("s0", "wait")], "always": [step("a0")]}
    first = Stage(unit(**phases))

    async def main() -> None:
        playing = asyncio.ensure_future(first.play())
        while "s0" not in first.probe.gates:
            await asyncio.sleep(0)
        first.host.interrupt.set(Interrupt.CANCEL)
        first.host.interrupt.set(Interrupt.EVICT)
        assert (await playing).evicted

    asyncio.run(main())
    assert first.probe.calls == ["s0"]

    second = Stage(unit(**phases), earlier=first.host.checkpoints[-1], only_cleanup=True)
    assert second.run().status is Status.CANCELLED
    assert second.probe.calls == ["a0"]


def test_evicted_unit_leaves_its_checkpoint_and_another_holder_goes_on() -> None:
    phases: dict[str, Any] = {"steps": [step("s0"), step("s1", "wait")], "always": [step("a0")]}
    first = Stage(unit(**phases))

    async def main() -> None:
        playing = asyncio.ensure_future(first.play())
        while "s1" not in first.probe.gates:
            await asyncio.sleep(0)
        first.host.interrupt.set(Interrupt.EVICT)
        assert (await playing).evicted

    asyncio.run(main())
    assert first.probe.calls == ["s0", "s1"]

    phases["steps"] = [step("s0"), step("s1")]
    second = Stage(unit(**phases), earlier=first.host.checkpoints[-1])
    assert second.run().status is Status.PASSED
    assert second.probe.calls == ["s1", "a0"]


def test_step_that_must_not_be_repeated_is_not_said_to_start() -> None:
    phases: dict[str, Any] = {"steps": [step("s0", safe="no")]}
    first = Stage(unit(**phases))
    first.run()
    in_flight = next(item for item in first.host.checkpoints if item["in_flight"])

    second = Stage(unit(**phases), earlier=in_flight)
    second.run()

    assert second.finished == [("s0", "FAILED")]
    assert not [event for event in second.host.events if isinstance(event, StepStarted)]


@pytest.mark.parametrize("only_cleanup", [False, True])
def test_unit_of_a_cancelled_run_ends_cancelled_whoever_ends_it(only_cleanup: bool) -> None:
    first = Stage(unit(**suite("no")))
    first.run()
    in_flight = next(item for item in first.host.checkpoints if item["in_flight"])

    second = Stage(unit(**suite("no")), earlier=in_flight, only_cleanup=only_cleanup)
    second.host.interrupt.set(Interrupt.CANCEL)
    outcome = second.run()

    assert outcome.status is Status.CANCELLED
    assert second.finished[0] == ("i0", "CANCELLED")
    assert second.probe.calls == ["f0", "a0", "a1"]
