"""Results of a run, folded from its events: the only place where totals are computed.

The fold is incremental and forgiving: any prefix of a run's events gives a valid result, and a unit
that was attempted again after a lost process replaces the steps it repeats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, field, replace

from rocketship.dataclass import dataclass
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
    TestStarted,
)
from rocketship.run.room import Room, weight
from rocketship.run.status import Status
from rocketship.values import Json, JsonObject


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """A failed attempt that was followed by another; `number` counts from 1."""

    number: int
    failure: Failure
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log line inside a step."""

    at: float
    level: str
    message: str
    source: str


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step: what it did, what was checked, and how it ended.

    Attributes:
        left_out: Whether the run was too large for what the step sent, received, saved and printed.
    """

    path: str
    name: str
    phase: str
    plugin: str
    line: int
    status: Status
    started_at: float
    duration_seconds: float = 0.0
    attempts: int = 1
    failure: Failure | None = None
    reason: str | None = None
    failed_attempts: tuple[AttemptResult, ...] = ()
    assertions: tuple[AssertionResult, ...] = ()
    saved: JsonObject = field(default_factory=dict)
    request: Json = None
    response: Json = None
    timings: dict[str, float] = field(default_factory=dict)
    reproduce: str | None = None
    contract: JsonObject | None = None
    logs: tuple[LogLine, ...] = ()
    left_out: bool = False

    @property
    def in_cleanup(self) -> bool:
        """Whether the step belongs to a cleanup list, so that its failure changes no verdict."""
        return self.phase in CLEANUP_PHASES


CLEANUP_PHASES = ("on_failure", "always")


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test, or the suite's init or cleanup, with its steps in the order they ran."""

    unit: str
    id: str
    name: str
    status: Status
    line: int = 0
    started_at: float = 0.0
    duration_seconds: float = 0.0
    message: str = ""
    steps: tuple[StepResult, ...] = ()
    cleanup_failures: int = 0

    __test__ = False

    @property
    def failed_steps(self) -> tuple[StepResult, ...]:
        """The steps that decided the verdict, in order; cleanup steps are not among them."""
        return tuple(step for step in self.steps if step.status.bad and not step.in_cleanup)

    @property
    def failed_cleanup_steps(self) -> tuple[StepResult, ...]:
        """The cleanup steps that failed, in order; worth a warning, never a verdict."""
        return tuple(step for step in self.steps if step.status.bad and step.in_cleanup)


@dataclass(frozen=True, slots=True)
class Totals:
    """How many tests ended how; `executed` leaves out skipped and unfinished ones."""

    total: int = 0
    passed: int = 0
    failed: int = 0
    timeout: int = 0
    cancelled: int = 0
    skipped: int = 0
    unfinished: int = 0

    @classmethod
    def of(cls, statuses: Iterable[Status]) -> Totals:
        """Count the given test states."""
        count = Counter(statuses)
        return cls(
            total=count.total(),
            passed=count[Status.PASSED],
            failed=count[Status.FAILED],
            timeout=count[Status.TIMEOUT],
            cancelled=count[Status.CANCELLED],
            skipped=count[Status.SKIPPED],
            unfinished=count[Status.PENDING] + count[Status.RUNNING],
        )

    @classmethod
    def sum(cls, parts: Iterable[Totals]) -> Totals:
        """Add up the totals of several runs."""
        columns = zip(*(astuple(part) for part in parts), strict=True)
        return cls(*(sum(column) for column in columns))

    @property
    def executed(self) -> int:
        return self.total - self.skipped - self.unfinished

    @property
    def not_passed(self) -> int:
        """Tests that make the run red: failed, timed out, cancelled or never finished."""
        return self.failed + self.timeout + self.cancelled + self.unfinished


@dataclass(frozen=True, slots=True)
class RunResult:
    """Everything known about a run."""

    run_id: str
    suite: str = ""
    file: str = ""
    status: Status = Status.PENDING
    started_at: float = 0.0
    ended_at: float | None = None
    duration_seconds: float = 0.0
    message: str = ""
    context: JsonObject = field(default_factory=dict)
    tests: tuple[TestResult, ...] = ()
    init: TestResult | None = None
    cleanup: TestResult | None = None
    logs: tuple[LogLine, ...] = ()

    @property
    def totals(self) -> Totals:
        """The tests counted by state."""
        return Totals.of(test.status for test in self.tests)

    @property
    def init_failed(self) -> bool:
        """Whether suite init kept the tests from running."""
        return self.init is not None and self.init.status.bad

    @property
    def green(self) -> bool:
        """Whether the run is a success: it passed, and at least one test really ran."""
        totals = self.totals
        passed = self.status is Status.PASSED and not totals.not_passed
        return passed and totals.executed > 0

    @property
    def failures(self) -> tuple[TestResult, ...]:
        """Init and the tests that made the run red, in order; suite cleanup never does."""
        before = (self.init,) if self.init else ()
        return tuple(unit for unit in (*before, *self.tests) if unit.status.bad)

    @property
    def cleanup_failures(self) -> int:
        """Cleanup steps that failed anywhere in the run."""
        units = [*self.tests, *(unit for unit in (self.init, self.cleanup) if unit)]
        return sum(unit.cleanup_failures for unit in units)

    @property
    def units(self) -> tuple[TestResult, ...]:
        """Init, the tests in document order, and cleanup, as far as they exist."""
        before = (self.init,) if self.init else ()
        after = (self.cleanup,) if self.cleanup else ()
        return (*before, *self.tests, *after)


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
