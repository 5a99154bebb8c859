"""Folding a run's events into its result.

The fold is incremental and forgiving: any prefix of a run's events gives a valid result, and a unit
that was attempted again after a lost process replaces the steps it repeats.

No run fills the memory of those who read it: how much is kept of what its steps did is limited.
Steps that failed have room of their own: what they did is what people come for, and it must not be
lost to thousands of steps that passed before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field, replace

from rocketship.dataclass import dataclass
from rocketship.run.events import (
    AssertionResult,
    AttemptFailed,
    Event,
    LogEmitted,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    TestFinished,
    TestStarted,
)
from rocketship.run.result import AttemptResult, LogLine, RunResult, StepResult, TestResult
from rocketship.run.status import Status
from rocketship.values import Json

#: Characters of requests, responses, values and outputs, of steps that failed and of all others.
KEPT_CHARACTERS = 32 << 20


def fold(run_id: str, events: Iterable[Event]) -> RunResult:
    """Return the result that the given events, in order, add up to."""
    folder = Folder(run_id)
    for event in events:
        folder.apply(event)
    return folder.result()


@dataclass(slots=True)
class _Unit:
    """A unit while it is being folded; steps keep the order in which they first started.

    Most steps end soon, so of a running one only the event is kept.
    """

    head: TestResult
    steps: dict[str, StepResult | StepStarted] = field(default_factory=dict)
    tries: dict[str, list[AttemptResult]] = field(default_factory=dict)
    logs: dict[str, list[LogLine]] = field(default_factory=dict)

    def finish(self) -> TestResult:
        return replace(self.head, steps=tuple(self._step(path) for path in self.steps))

    def _step(self, path: str) -> StepResult:
        step = self.steps[path]
        if isinstance(step, StepStarted):
            step = _running(step)
        tries, logs = self.tries.get(path), self.logs.get(path)
        if tries is None and logs is None:
            return step
        return replace(step, failed_attempts=tuple(tries or ()), logs=tuple(logs or ()))

    def began(self, path: str) -> float | None:
        """Return when a step started, if that is known."""
        step = self.steps.get(path)
        if isinstance(step, StepStarted):
            return step.at
        return step.started_at if step else None


def _running(event: StepStarted) -> StepResult:
    return StepResult(
        path=event.path,
        name=event.name,
        phase=event.phase,
        plugin=event.plugin,
        line=event.line,
        status=Status.RUNNING,
        started_at=event.at,
    )


class Folder:
    """Folds events one at a time, for consumers that follow a run live."""

    def __init__(self, run_id: str) -> None:
        self._head = RunResult(run_id)
        self._units: dict[str, _Unit] = {}
        self._order: list[str] = []
        self._logs: list[LogLine] = []
        self._room = Room()
        self._line_room = Room()
        self._lines_left_out = 0

    def apply(self, event: Event) -> None:
        """Take one event into account."""
        match event:
            case RunStarted():
                self._start(event)
            case RunFinished():
                self._head = replace(
                    self._head,
                    status=event.status,
                    ended_at=event.at,
                    duration_seconds=event.duration_seconds,
                    message=event.message,
                )
            case TestStarted():
                unit = self._unit(event.unit)
                started = unit.head.started_at or event.at
                unit.head = replace(
                    unit.head, name=event.name, status=Status.RUNNING, started_at=started
                )
            case TestFinished():
                unit = self._unit(event.unit)
                unit.head = replace(
                    unit.head,
                    name=event.name,
                    status=event.status,
                    duration_seconds=event.duration_seconds,
                    message=event.message,
                    cleanup_failures=event.cleanup_failures,
                )
            case StepStarted():
                self._start_step(event)
            case AttemptFailed():
                tries = self._unit(event.unit).tries.setdefault(event.path, [])
                tries.append(AttemptResult(event.number, event.failure, event.wait_seconds))
            case StepFinished():
                self._finish_step(event)
            case LogEmitted():
                self._log(event)

    def result(self) -> RunResult:
        """Return what the events so far add up to."""
        finished = {name: unit.finish() for name, unit in self._units.items()}
        return replace(
            self._head,
            tests=tuple(finished[name] for name in self._order),
            init=finished.get("init"),
            cleanup=finished.get("cleanup"),
            logs=(*self._logs, *self._more_lines()),
        )

    def _more_lines(self) -> Iterator[LogLine]:
        if self._lines_left_out:
            message = f"{self._lines_left_out} more lines are left out"
            yield LogLine(self._logs[-1].at if self._logs else 0.0, "warn", message, "rocketship")

    def _start(self, event: RunStarted) -> None:
        self._head = replace(
            self._head,
            suite=event.suite,
            file=event.file,
            status=Status.RUNNING,
            started_at=self._head.started_at or event.at,
            context=event.context,
        )
        for index, test in enumerate(event.tests):
            name = f"t-{index}"
            if name not in self._units:
                head = TestResult(name, test.id, test.name, Status.PENDING, test.line)
                self._units[name] = _Unit(head)
                self._order.append(name)

    def _unit(self, name: str) -> _Unit:
        if name not in self._units:
            self._units[name] = _Unit(TestResult(name, name, name, Status.PENDING))
            if name.startswith("t-"):
                self._order.append(name)
        return self._units[name]

    def _start_step(self, event: StepStarted) -> None:
        unit = self._unit(event.unit)
        unit.tries.pop(event.path, None)
        unit.logs.pop(event.path, None)
        unit.steps[event.path] = event

    def _finish_step(self, event: StepFinished) -> None:
        unit = self._unit(event.unit)
        began = unit.began(event.path)
        lines = unit.logs.get(event.path, ())
        kept = self._room.take(_weight(event, lines), failed=event.status.bad)
        if not kept:
            unit.logs.pop(event.path, None)
        unit.steps[event.path] = StepResult(
            path=event.path,
            name=event.name,
            phase=event.phase,
            plugin=event.plugin,
            line=event.line,
            status=event.status,
            started_at=event.at - event.duration_seconds if began is None else began,
            duration_seconds=event.duration_seconds,
            attempts=event.attempts,
            failure=event.failure,
            reason=event.reason,
            assertions=event.assertions if kept else tuple(map(_without_values, event.assertions)),
            saved=event.saved if kept else {},
            request=event.request if kept else None,
            response=event.response if kept else None,
            timings=event.timings,
            reproduce=event.reproduce if kept else None,
            contract=event.contract,
            left_out=not kept,
        )

    def _log(self, event: LogEmitted) -> None:
        line = LogLine(event.at, event.level, event.message, event.source)
        if event.unit and event.path:
            self._unit(event.unit).logs.setdefault(event.path, []).append(line)
        elif self._line_room.take(len(event.message), failed=False):
            self._logs.append(line)
        else:
            self._lines_left_out += 1


def _weight(event: StepFinished, lines: Iterable[LogLine]) -> int:
    compared = [value for check in event.assertions for value in (check.expected, check.actual)]
    messages: list[Json] = [line.message for line in lines]
    return weight(event.request, event.response, event.saved, compared, messages)


def _without_values(check: AssertionResult) -> AssertionResult:
    return replace(check, expected=None, actual=None, diff=None)


@dataclass(slots=True)
class Room:
    """What is left for the details of a run's steps."""

    failed: int = KEPT_CHARACTERS
    others: int = KEPT_CHARACTERS

    def take(self, characters: int, *, failed: bool) -> bool:
        """Use some of it; return whether there was any left."""
        if failed:
            self.failed -= characters
            return self.failed >= 0
        self.others -= characters
        return self.others >= 0


def weight(*values: Json) -> int:
    """Return about how many characters values have together."""
    total = 0
    rest: list[Json] = [*values]
    while rest:  # every step of every run is weighed; a function calling itself takes three times
        value = rest.pop()
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, dict):
            total += sum(map(len, value))
            rest += value.values()
        elif isinstance(value, list):
            total += len(value)
            rest += value
        else:
            total += 8
    return total
