"""What many runs say together: how often they pass, which suites are slow, which are flaky."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from rocketship.dataclass import dataclass
from rocketship.run.status import Status
from rocketship.store.base import RunRecord

#: Suites named in each list.
MAX_SUITES = 5
#: With fewer runs than these, changing verdicts say nothing.
MIN_RUNS = 3


@dataclass(frozen=True, slots=True)
class SuiteTrend:
    """One suite over its latest runs, newest last.

    Attributes:
        runs: Those that ended by themselves; cancelled ones say nothing about the suite.
        seconds: The median of how long they took.
        changes: How often a verdict differed from the one before it on the same branch.
    """

    suite: str
    runs: tuple[RunRecord, ...]
    seconds: float
    changes: int

    @property
    def passed(self) -> int:
        return sum(run.status is Status.PASSED for run in self.runs)

    @property
    def flakiness(self) -> float:
        """The part of runs, 0 to 1, whose verdict differed from the one before."""
        return self.changes / (len(self.runs) - 1) if len(self.runs) >= MIN_RUNS else 0.0


@dataclass(frozen=True, slots=True)
class Trends:
    """All suites together."""

    suites: tuple[SuiteTrend, ...]

    @property
    def total(self) -> int:
        return sum(len(suite.runs) for suite in self.suites)

    @property
    def passed(self) -> int:
        return sum(suite.passed for suite in self.suites)

    @property
    def pass_rate(self) -> float | None:
        """The part of runs, 0 to 1, that passed; None without any."""
        return self.passed / self.total if self.total else None

    @property
    def slowest(self) -> list[SuiteTrend]:
        return sorted(self.suites, key=lambda suite: -suite.seconds)[:MAX_SUITES]

    @property
    def flakiest(self) -> list[SuiteTrend]:
        flaky = [suite for suite in self.suites if suite.flakiness > 0]
        return sorted(flaky, key=lambda suite: -suite.flakiness)[:MAX_SUITES]


def trends(newest_first: Iterable[RunRecord]) -> Trends:
    """Return what runs say together; those that go on or were cancelled are left out."""
    suites: dict[str, list[RunRecord]] = {}
    for run in newest_first:
        if run.status.finished and run.status is not Status.CANCELLED:
            suites.setdefault(run.suite, []).append(run)
    return Trends(tuple(suite_trend(name, runs[::-1]) for name, runs in suites.items()))


def suite_trend(suite: str, oldest_first: Sequence[RunRecord]) -> SuiteTrend:
    """Return what the runs of one suite say; there must be one at least."""
    branches: dict[object, list[Status]] = {}
    for run in oldest_first:
        branches.setdefault(run.context.get("branch"), []).append(run.status)
    changes = sum(a is not b for verdicts in branches.values() for a, b in pairwise(verdicts))
    seconds = median(run.duration_seconds for run in oldest_first)
    return SuiteTrend(suite, tuple(oldest_first), seconds, changes)
