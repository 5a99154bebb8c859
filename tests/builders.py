"""Runs to report on, made of real events, so that tests say only what matters to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rocketship.run.events import (
    AssertionResult,
    AttemptFailed,
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
from rocketship.run.fold import fold
from rocketship.run.result import RunResult
from rocketship.run.status import Status, worst

#: 2024-01-02T03:04:05Z
START = 1704164645.0


@dataclass(frozen=True)
class StepSpec:
    """A step to have happened. `logs` are messages, `attempts` the failures before the last try."""

    name: str = "Get user"
    status: Status = Status.PASSED
    phase: str = "steps"
    plugin: str = "http"
    line: int = 12
    logs: Sequence[str] = ()
    attempts: Sequence[Failure] = ()
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class UnitSpec:
    """A test (or init, or cleanup) to have happened."""

    name: str = "reads a user"
    steps: Sequence[StepSpec] = (StepSpec(),)
    status: Status | None = None
    message: str = ""
    line: int = 10

    @property
    def outcome(self) -> Status:
        if self.status is not None:
            return self.status
        deciding = [
            step.status for step in self.steps if step.phase not in ("on_failure", "always")
        ]
        return worst([status for status in deciding if status is not Status.SKIPPED])


def make_assertion(**changes: Any) -> AssertionResult:
    """Return a failed assertion on the status code."""
    values: dict[str, Any] = {
        "type": "status_code",
        "target": "",
        "operator": "equals",
        "passed": False,
        "message": "status_code: expected 200, got 500",
        "expected": 200,
        "actual": 500,
        "line": 15,
    }
    return AssertionResult(**(values | changes))


def make_failed_step(**changes: Any) -> StepSpec:
    """Return an HTTP step that got a 500; `changes` go to the StepFinished event."""
    extra: dict[str, Any] = {
        "failure": Failure(
            "AssertionError", "Assertion failed: status_code: expected 200, got 500"
        ),
        "assertions": (make_assertion(),),
        "request": {
            "method": "POST",
            "url": "http://127.0.0.1:8080/users",
            "headers": {"content-type": "application/json", "authorization": "***"},
            "body": '{"name":"Ada","roles":["admin","author"]}',
        },
        "response": {
            "status": 500,
            "headers": {"content-type": "text/plain"},
            "body": "database is down",
        },
        "timings": {"connect": 0.001, "total": 0.02},
        "reproduce": 'curl -X POST http://127.0.0.1:8080/users -d \'{"name":"Ada"}\'',
    }
    return StepSpec("Create user", Status.FAILED, extra=extra | changes)


def make_failed_unit(name: str = "creates a user", **changes: Any) -> UnitSpec:
    """Return a test whose second step failed."""
    return UnitSpec(name, (StepSpec(), make_failed_step(**changes)), message="Create user failed")


def make_run_events(
    tests: Sequence[UnitSpec] = (UnitSpec(),),
    *,
    suite: str = "users",
    file: str = ".rocketship/users.yaml",
    init: UnitSpec | None = None,
    cleanup: UnitSpec | None = None,
    status: Status | None = None,
    message: str = "",
    context: dict[str, Any] | None = None,
    finished: bool = True,
) -> list[Event]:
    """Return the events of a run, a tenth of a second apart."""
    clock = _Clock()
    infos = tuple(
        TestInfo(f"test-{index}", test.name, test.line) for index, test in enumerate(tests)
    )
    events: list[Event] = [RunStarted(clock.tick(), suite, file, infos, context or {})]
    init_failed = init is not None and init.outcome.bad
    if init:
        events += _unit_events(clock, "init", init)
    for index, test in enumerate(tests):
        unit = f"t-{index}"
        if init_failed:
            why = "not run: suite init did not pass"
            events.append(TestFinished(clock.tick(), unit, 1, test.name, Status.FAILED, 0.0, why))
        else:
            events += _unit_events(clock, unit, test)
    if cleanup:
        events += _unit_events(clock, "cleanup", cleanup)
    if finished:
        outcome = Status.FAILED if init_failed else worst(test.outcome for test in tests)
        events.append(RunFinished(clock.tick(), status or outcome, clock.elapsed, message))
    return events


def make_result(
    tests: Sequence[UnitSpec] = (UnitSpec(),), *, run_id: str = "run-1", **changes: Any
) -> RunResult:
    """Return the result of a run; takes what `make_run_events` takes."""
    return fold(run_id, make_run_events(tests, **changes))


def make_mixed_events(**changes: Any) -> list[Event]:
    """Return a run with one of everything: a pass, a failure, a time-out, a skip, retries, logs."""
    flaky = StepSpec(
        "Poll",
        attempts=(Failure("ConnectionError", "connection refused"),),
        logs=("polled once", "polled twice"),
    )
    slow = StepSpec(
        "Wait",
        Status.TIMEOUT,
        plugin="delay",
        extra={"failure": Failure("Interrupted", "the test ran out of time", "raise `timeout`")},
    )
    leftover = StepSpec(
        "Delete user",
        Status.FAILED,
        "always",
        extra={"failure": Failure("ConnectionError", "connection reset")},
    )
    tests = (
        UnitSpec("polls", (flaky,)),
        make_failed_unit(),
        UnitSpec("waits", (slow,), message="took longer than 2s"),
        UnitSpec("later", (), Status.SKIPPED, "not ready"),
        UnitSpec("cleans up", (StepSpec(), leftover)),
    )
    given: dict[str, Any] = {
        "init": UnitSpec("users::suite-init", (StepSpec("Seed", phase="init"),)),
        "cleanup": UnitSpec("users::suite-cleanup", (StepSpec("Drop", phase="always"),)),
        "context": {"branch": "main", "metadata": {"team": "core"}},
    }
    return make_run_events(tests, **(given | changes))


class _Clock:
    def __init__(self) -> None:
        self.now = START

    def tick(self) -> float:
        self.now = round(self.now + 0.1, 3)
        return self.now

    @property
    def elapsed(self) -> float:
        return round(self.now - START, 3)


def _unit_events(clock: _Clock, unit: str, spec: UnitSpec) -> Iterable[Event]:
    begun = clock.now
    if spec.outcome is not Status.SKIPPED:
        yield TestStarted(clock.tick(), unit, 1, spec.name)
    counts: dict[str, int] = {}
    for step in spec.steps:
        index = counts[step.phase] = counts.get(step.phase, -1) + 1
        yield from _step_events(clock, unit, f"{step.phase}[{index}]", step)
    broken = [step for step in spec.steps if step.phase in ("on_failure", "always")]
    yield TestFinished(
        clock.tick(),
        unit,
        1,
        spec.name,
        spec.outcome,
        round(clock.now - begun, 3),
        spec.message,
        sum(step.status.bad for step in broken),
    )


def _step_events(clock: _Clock, unit: str, path: str, step: StepSpec) -> Iterable[Event]:
    head = (unit, 1, path, step.name, step.phase, step.plugin)
    yield StepStarted(clock.tick(), *head, step.line)
    total = len(step.attempts) + 1
    for number, failure in enumerate(step.attempts, 1):
        yield AttemptFailed(clock.tick(), unit, 1, path, number, total, failure, 0.5)
    for message in step.logs:
        source = "log" if step.plugin == "log" else step.plugin
        yield LogEmitted(clock.tick(), unit, 1, path, message, source=source)
    ended = {"attempts": total, "line": step.line, **step.extra}
    yield StepFinished(clock.tick(), *head, step.status, 0.1, **ended)
