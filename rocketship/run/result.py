"""Results of a run: the only place where totals are computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, field

from rocketship.dataclass import dataclass
from rocketship.run.events import AssertionResult, Failure
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
