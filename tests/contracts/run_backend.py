"""What every runtime promises; subclass the contract and provide `open_stage`.

The suites here use a probe plugin, so that a test can stop a step in its middle. A stage is a
backend with a recorder of its own over a store that survives it, so that a second stage can take
over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rocketship.errors import NotFound
from rocketship.interpreter.plan import Plan
from rocketship.run.events import Event, RunFinished, StepFinished
from rocketship.run.fold import fold
from rocketship.run.ids import new_run_id
from rocketship.run.result import RunResult
from rocketship.run.status import Status
from rocketship.runtime.ports import Recovery, RunBackend, RunOutcome
from rocketship.values import format_duration
from tests.interpreter.probe import Gate, Probe, plan, step, unit

INDEX_SECONDS = 10


@dataclass
class Stage:
    """A backend at work: how to hand it a run, and what it recorded.

    `lose` makes the backend vanish as a killed process does: nothing of it runs on or is recorded.
    """

    backend: RunBackend
    probe: Probe
    submit: Callable[..., Awaitable[None]]
    events: Callable[[str], Awaitable[list[Event]]]
    lose: Callable[[], Awaitable[None]]
    ids: list[str] = field(default_factory=list)

    async def start(self, whole: Plan, run_id: str = "", **source: Any) -> str:
        run_id = run_id or new_run_id()
        await self.submit(run_id, whole, **source)
        await self.backend.start(run_id)
        return run_id

    async def play(self, whole: Plan, **source: Any) -> tuple[RunOutcome, RunResult]:
        run_id = await self.start(whole, **source)
        outcome = await self.backend.outcome(run_id)
        return outcome, await self.result(run_id)

    async def result(self, run_id: str) -> RunResult:
        return fold(run_id, await self.events(run_id))

    async def incomplete(self, *run_ids: str) -> None:
        """Return once these runs are in progress, which a runtime's index may be slow to tell."""
        async with asyncio.timeout(INDEX_SECONDS):
            while [found async for found in self.backend.incomplete()] != list(run_ids):
                await asyncio.sleep(0.01)

    async def gate(self, name: str) -> Gate:
        """Return the gate of a waiting step once the step is there."""
        while name not in self.probe.gates:
            await asyncio.sleep(0.001)
        return self.probe.gates[name]


class RunBackendContract:
    """Every test opens stages over one folder."""

    folder: Path
    #: Long enough for a test to have begun by then.
    deadline_seconds = 0.05

    def open_stage(self, folder: Path, **options: Any) -> AbstractAsyncContextManager[Stage]:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def run(self, body: Callable[[Stage], Awaitable[None]], **options: Any) -> None:
        async def main() -> None:
            async with self.open_stage(self.folder, **options) as stage:
                await body(stage)

        asyncio.run(main())

    def test_run_goes_through_init_tests_and_cleanup(self) -> None:
        whole = plan(
            unit("A", steps=[step("a", value="{{ x }}")]),
            unit("B", steps=[step("b")]),
            init=unit("suite init", init=[step("i", value=5, save="x")]),
            cleanup=unit("suite cleanup", on_failure=[step("f")], always=[step("c")]),
        )

        async def body(stage: Stage) -> None:
            outcome, result = await stage.play(whole)
            assert outcome.status is Status.PASSED
            assert stage.probe.calls[0] == "i"
            assert sorted(stage.probe.calls[1:3]) == ["a", "b"]
            assert stage.probe.calls[3:] == ["c"]
            assert [test.name for test in result.tests] == ["A", "B"]
            assert result.totals.passed == 2
            seen = {call.config["id"]: call for call in stage.probe.seen}
            assert seen["a"].config["value"] == 5

        self.run(body)

    def test_verdict_is_that_of_the_worst_test_and_cleanup_knows_it(self) -> None:
        whole = plan(
            unit("A", steps=[step("a")]),
            unit("B", steps=[step("b", "fail")]),
            cleanup=unit("suite cleanup", on_failure=[step("f")], always=[step("c", "fail")]),
        )

        async def body(stage: Stage) -> None:
            outcome, result = await stage.play(whole)
            assert outcome.status is Status.FAILED
            assert stage.probe.calls[-2:] == ["f", "c"]
            assert result.cleanup_failures == 1
            assert (result.totals.passed, result.totals.failed) == (1, 1)

        self.run(body)

    def test_failed_init_runs_no_test_and_keeps_what_it_saved_for_cleanup(self) -> None:
        whole = plan(
            unit("A", steps=[step("a")]),
            init=unit("suite init", init=[step("i", value=5, save="x"), step("bad", "fail")]),
            cleanup=unit("suite cleanup", always=[step("c", value="{{ x }}")]),
        )

        async def body(stage: Stage) -> None:
            outcome, result = await stage.play(whole)
            assert outcome.status is Status.FAILED
            assert stage.probe.calls == ["i", "bad", "c"]
            assert stage.probe.seen[-1].config["value"] == 5
            assert result.totals.passed == 0
            assert result.tests[0].status is Status.FAILED

        self.run(body)

    def test_run_without_executed_tests_is_not_green(self) -> None:
        whole = plan(unit("A", steps=[step("a")]), skips={0: "later"})

        async def body(stage: Stage) -> None:
            outcome, result = await stage.play(whole)
            assert outcome.status is Status.FAILED
            assert result.tests[0].status is Status.SKIPPED
            assert stage.probe.calls == []

        self.run(body)

    def test_concurrency_is_a_limit_and_is_reached(self) -> None:
        whole = plan(*(unit(f"T{n}", steps=[step(f"s{n}", "wait")]) for n in range(4)))
        whole = plan(*(test.unit for test in whole.tests), concurrency=2)

        async def body(stage: Stage) -> None:
            run_id = await stage.start(whole)
            for _ in range(2):
                while len(stage.probe.gates) < 2:
                    await asyncio.sleep(0.001)
                assert len(stage.probe.gates) == 2
                for gate in stage.probe.gates.values():
                    gate.open.set()
                stage.probe.gates.clear()
            assert (await stage.backend.outcome(run_id)).status is Status.PASSED

        self.run(body)

    def test_fail_fast_begins_no_further_test(self) -> None:
        units = [unit("A", steps=[step("a", "fail")]), unit("B", steps=[step("b")])]
        whole = plan(*units, concurrency=1, fail_fast=True)

        async def body(stage: Stage) -> None:
            outcome, result = await stage.play(whole)
            assert outcome.status is Status.FAILED
            assert stage.probe.calls == ["a"]
            assert result.tests[1].status is Status.SKIPPED

        self.run(body)

    def test_start_is_idempotent(self) -> None:
        whole = plan(unit("A", steps=[step("a")]))

        async def body(stage: Stage) -> None:
            run_id = await stage.start(whole)
            await stage.backend.start(run_id)
            await stage.backend.outcome(run_id)
            await stage.backend.start(run_id)
            assert stage.probe.calls == ["a"]

        self.run(body)

    def test_cancel_interrupts_the_call_in_flight_and_cleans_up(self) -> None:
        whole = plan(
            unit("A", steps=[step("a", "wait"), step("a2")], always=[step("ac")]),
            unit("B", steps=[step("b")]),
            cleanup=unit("suite cleanup", on_failure=[step("f")], always=[step("c")]),
            concurrency=1,
        )

        async def body(stage: Stage) -> None:
            run_id = await stage.start(whole)
            await stage.gate("a")
            await stage.backend.cancel(run_id, reason="enough")
            await stage.backend.cancel(run_id, reason="enough!")
            outcome = await stage.backend.outcome(run_id)
            assert outcome.status is Status.CANCELLED
            assert stage.probe.calls == ["a", "ac", "f", "c"]
            result = await stage.result(run_id)
            assert [test.status for test in result.tests] == [Status.CANCELLED] * 2
            assert result.message == "enough"

        self.run(body)

    def test_forced_cancel_skips_cleanup(self) -> None:
        whole = plan(unit("A", steps=[step("a", "wait")], always=[step("ac")]))

        async def body(stage: Stage) -> None:
            run_id = await stage.start(whole)
            await stage.gate("a")
            await stage.backend.cancel(run_id, reason="now", force=True)
            assert (await stage.backend.outcome(run_id)).status is Status.CANCELLED
            assert stage.probe.calls == ["a"]

        self.run(body)

    def test_deadline_ends_the_run_as_timeout_with_cleanup(self) -> None:
        whole = plan(
            unit("A", steps=[step("a", "wait")], always=[step("ac")]),
            timeout_seconds=self.deadline_seconds,
        )

        async def body(stage: Stage) -> None:
            outcome, result = await stage.play(whole)
            assert outcome.status is Status.TIMEOUT
            limit = format_duration(self.deadline_seconds)
            assert result.message == f"the run took longer than its timeout of {limit}"
            assert result.tests[0].status is Status.TIMEOUT, result.tests[0]
            assert stage.probe.calls == ["a", "ac"]

        self.run(body)

    def test_cancel_of_an_ended_run_is_harmless(self) -> None:
        async def body(stage: Stage) -> None:
            run_id = await stage.start(plan(unit("A", steps=[step("a")])))
            await stage.backend.outcome(run_id)
            await stage.backend.cancel(run_id, reason="late")
            assert (await stage.backend.outcome(run_id)).status is Status.PASSED

        self.run(body)

    def test_unknown_run_has_no_outcome(self) -> None:
        async def body(stage: Stage) -> None:
            with pytest.raises(NotFound):
                await stage.backend.outcome(new_run_id())

        self.run(body)

    def test_incomplete_names_runs_in_progress_only(self) -> None:
        async def body(stage: Stage) -> None:
            run_id = await stage.start(plan(unit("A", steps=[step("a", "wait")])))
            gate = await stage.gate("a")
            await stage.incomplete(run_id)
            assert (await stage.backend.health()).ok
            gate.open.set()
            await stage.backend.outcome(run_id)
            await stage.incomplete()

        self.run(body)

    def test_run_finished_is_the_last_event_and_comes_once(self) -> None:
        whole = plan(unit("A", steps=[step("a")]), cleanup=unit("c", always=[step("c")]))

        async def body(stage: Stage) -> None:
            run_id = await stage.start(whole)
            await stage.backend.outcome(run_id)
            events = await stage.events(run_id)
            assert isinstance(events[-1], RunFinished)
            assert sum(isinstance(event, RunFinished) for event in events) == 1

        self.run(body)

    @pytest.mark.parametrize("recovery", list(Recovery))
    @pytest.mark.parametrize("where", ["i", "a", "ac", "c"])
    def test_run_lost_in_any_phase_is_taken_over_and_cleaned_up(
        self, where: str, recovery: Recovery
    ) -> None:
        def doing(name: str, lost: bool) -> str:
            return "wait" if lost and name == where else "ok"

        def whole(lost: bool) -> Plan:
            return plan(
                unit(
                    "A", steps=[step("a", doing("a", lost))], always=[step("ac", doing("ac", lost))]
                ),
                init=unit("suite init", init=[step("i", doing("i", lost))]),
                cleanup=unit("suite cleanup", always=[step("c", doing("c", lost))]),
            )

        async def main() -> None:
            async with self.open_stage(self.folder, recovery=recovery) as first:
                run_id = await first.start(whole(lost=True))
                await first.gate(where)
                await first.lose()
            async with self.open_stage(self.folder, recovery=recovery) as second:
                await second.start(whole(lost=False), run_id, recovery=recovery)
                outcome = await second.backend.outcome(run_id)
                events = await second.events(run_id)
            self._check_recovered(where, recovery, outcome, second.probe.calls, events)

        asyncio.run(main())

    def _check_recovered(
        self,
        where: str,
        recovery: Recovery,
        outcome: RunOutcome,
        calls: list[str],
        events: list[Event],
    ) -> None:
        resumed = recovery is Recovery.RESUME
        order = ["i", "a", "ac", "c"]
        rest = order[order.index(where) :]
        if not resumed:
            # The step in flight and all after it are left out, but not the cleanup of what began.
            rest = {"i": ["c"], "a": ["ac", "c"]}.get(where, rest)
        assert calls == rest
        passes = resumed or where in ("ac", "c")
        assert outcome.status is (Status.PASSED if passes else Status.FAILED)
        assert sum(isinstance(event, RunFinished) for event in events) == 1
        ended = [event.name for event in events if isinstance(event, StepFinished)]
        assert len(ended) == len(set(ended)), "a finished step was repeated"
