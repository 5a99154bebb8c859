"""What is told of a run when its units are through: the tests that were left out, and its end.

Whoever knows that a run is over says it in these words: a worker, or an engine when no worker ever
took the run up.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from rocketship.dataclass import dataclass
from rocketship.interpreter.host import UnitKind, UnitRef
from rocketship.redaction import Redactor
from rocketship.run.events import RunFinished, TestFinished
from rocketship.run.status import Status
from rocketship.runtime.ports import RunOutcome, RunSource
from rocketship.values import format_duration


@dataclass(frozen=True, slots=True)
class Omission:
    """A test that has not told its end itself, and why."""

    index: int
    attempt: int
    status: Status
    message: str


def last_words(
    run_id: str,
    source: RunSource,
    omissions: Iterable[Omission],
    outcome: RunOutcome,
    *,
    reason: str = "",
    deadline: bool = False,
) -> list[TestFinished | RunFinished]:
    """Return the last events of a run; `reason` is why it was cancelled, if it was."""
    now = time.time()
    redactor = Redactor(source.env.values())
    events: list[TestFinished | RunFinished] = [
        TestFinished(
            at=now,
            unit=UnitRef(run_id, UnitKind.TEST, item.index).key,
            attempt=item.attempt,
            name=source.plan.tests[item.index].info.name,
            status=item.status,
            duration_seconds=0.0,
            message=redactor.text(item.message),
        )
        for item in omissions
    ]
    status, message = outcome.status, outcome.message
    if status is Status.CANCELLED:
        message = reason or message
    elif status is Status.TIMEOUT and deadline:
        limit = format_duration(source.plan.timeout_seconds or 0)
        message = message or f"the run took longer than its timeout of {limit}"
    duration = max(0.0, now - source.started_at)
    return [*events, RunFinished(now, status, duration, redactor.text(message))]


def nothing_begun(
    run_id: str, source: RunSource, status: Status, *, reason: str = ""
) -> list[TestFinished | RunFinished]:
    """Return the last events of a run that was cancelled, or out of time, before it began."""
    deadline = status is Status.TIMEOUT
    why = "the run reached its deadline" if deadline else "the run was cancelled"
    omissions = [
        Omission(index, 1, Status.SKIPPED, test.skip)
        if test.skip is not None
        else Omission(index, 1, status, f"not run: {why}")
        for index, test in enumerate(source.plan.tests)
    ]
    outcome = RunOutcome(status)
    return last_words(run_id, source, omissions, outcome, reason=reason, deadline=deadline)
