"""The states of runs, tests and steps, and which of two is worse."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Status(str, Enum):
    """The state of a run, test or step; the text value is what the wire and the store carry."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PASSED = "PASSED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"

    def __str__(self) -> str:
        return self.value

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (Status.PENDING, Status.RUNNING)

    @property
    def bad(self) -> bool:
        """Whether this state makes a run red."""
        return self in (Status.FAILED, Status.TIMEOUT, Status.CANCELLED)


# A skipped test never makes a run worse, so it ranks with a passed one.
_SEVERITY = {
    Status.SKIPPED: 0,
    Status.PASSED: 1,
    Status.PENDING: 2,
    Status.RUNNING: 2,
    Status.FAILED: 3,
    Status.TIMEOUT: 4,
    Status.CANCELLED: 5,
}


def worst(statuses: Iterable[Status], default: Status = Status.PASSED) -> Status:
    """Return the most severe of the given states, or `default` when there are none."""
    return max(statuses, key=_SEVERITY.__getitem__, default=default)
