"""What travels between engine, workflow and worker, by way of Temporal, and the names of it all.

Loaded inside workflows: only the standard library, and data. Fields may be added with defaults; a
worker of another release may be the one that reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from itertools import combinations
from typing import Any

from rocketship.dataclass import dataclass

RUN_WORKFLOW = "rocketship-run"
SHARD_WORKFLOW = "rocketship-shard"
UNIT_ACTIVITY = "unit"
CONCLUDE_ACTIVITY = "conclude"
#: Asks a workflow to stop its run, and asks it whether it was.
STOP_SIGNAL = "stop"
STOP_QUERY = "stopped"
_ID_PREFIX = "rk-run-"

#: Stands before each label in the name of a task queue; no label has it.
LABEL_MARK = ":"
#: The name of what suite init saved, in the engine's store.
GLOBALS = "globals"


@dataclass(frozen=True, slots=True)
class StopNotice:
    """That a run is to stop: `why` is cancel, deadline, or empty when it is not."""

    why: str = ""
    reason: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class RunOrder:
    """A run, or the part of one, that a workflow carries out.

    Attributes:
        skips: The reason why a test is not run, or None, for every test.
        first: The number of the first of these tests in the run.
        queues: The task queues of the run; the first is that of init and cleanup.
        routes: Which of them each test goes to; empty means all go to the first.
        deadline: When its time is up, in seconds since the epoch; None means never.
        heartbeat_seconds: A worker that was not heard of for so long is lost.
        cleanup_seconds: How long a cleanup is tried again elsewhere.
        resume: Whether another worker goes on where a lost one was, or only cleans up.
        searchable: Whether the namespace knows our search attributes.
        prepared: For a part: whether suite init has saved values.
    """

    run_id: str
    skips: list[str | None]
    queues: list[str]
    has_init: bool = False
    has_cleanup: bool = False
    concurrency: int = 1
    fail_fast: bool = False
    deadline: float | None = None
    heartbeat_seconds: float = 10.0
    cleanup_seconds: float = 600.0
    resume: bool = True
    searchable: bool = False
    first: int = 0
    routes: list[int] = field(default_factory=list)
    prepared: bool = False

    def queue(self, index: int) -> str:
        """Return the task queue of a test, by its number in this order."""
        return self.queues[self.routes[index] if self.routes else 0]


@dataclass(frozen=True, slots=True)
class UnitOrder:
    """One unit for a worker to carry out.

    Attributes:
        state: The checkpoint to go on from, or where it is kept, or None to begin.
        prepared: Whether suite init has saved values.
        failed: For suite cleanup: whether the run failed.
        stop: Whether the run was told to stop before the unit, or this attempt at it, began.
        careful: Whether its beginning must be known, because it is not begun anew when it is lost.
    """

    run_id: str
    kind: str
    index: int = 0
    attempt: int = 1
    only_cleanup: bool = False
    prepared: bool = False
    failed: bool = False
    state: dict[str, Any] | None = None
    stop: StopNotice = StopNotice()
    careful: bool = False


@dataclass(frozen=True, slots=True)
class UnitEnd:
    """How a unit ended; one that was `evicted` goes on elsewhere, from `state`.

    One that was not `begun` is as if nobody had taken it.
    """

    status: str
    message: str = ""
    evicted: bool = False
    state: dict[str, Any] | None = None
    begun: bool = True


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A test that has no end of its own to tell: the workflow knows why."""

    index: int
    attempt: int
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run, or a part of one, ended; `executed` counts tests that were not skipped."""

    status: str
    message: str = ""
    executed: int = 0
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is still to be told when a run is over."""

    run_id: str
    status: str
    message: str
    stop: StopNotice
    left_out: list[LeftOut]


def workflow_id(run_id: str) -> str:
    """Return the id of the workflow that carries a run out."""
    return _ID_PREFIX + run_id


def run_id_of(identifier: str) -> str:
    """Return the run a workflow of this id carries out."""
    return identifier.removeprefix(_ID_PREFIX)


def queue_name(prefix: str, labels: Iterable[str]) -> str:
    """Return the task queue of what needs a worker with all these labels."""
    return LABEL_MARK.join((prefix, *sorted(set(labels))))


def queue_names(prefix: str, labels: Iterable[str]) -> list[str]:
    """Return the task queues of a worker that has these labels: one for every selection of them."""
    own = sorted(set(labels))
    chosen = (some for size in range(len(own) + 1) for some in combinations(own, size))
    return [queue_name(prefix, some) for some in chosen]


def labels_of(prefix: str, queue: str) -> list[str]:
    """Return the labels a task queue is for."""
    return [label for label in queue.removeprefix(prefix).split(LABEL_MARK) if label]
