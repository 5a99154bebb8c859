"""One thing that was looked at, and what came of it."""

from __future__ import annotations

from enum import Enum

from rocketship.dataclass import dataclass


class Outcome(str, Enum):
    """How a check ended; only `FAILED` keeps suites from running."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its name, how it ended, what was found, and the next thing to try."""

    name: str
    outcome: Outcome
    message: str
    hint: str = ""


def ok(name: str, message: str) -> Check:
    """Return a check that found everything in order."""
    return Check(name, Outcome.OK, message)


def warning(name: str, message: str, hint: str) -> Check:
    """Return a check that found something worth knowing."""
    return Check(name, Outcome.WARNING, message, hint)


def failed(name: str, message: str, hint: str | None) -> Check:
    """Return a check that found why suites cannot run."""
    return Check(name, Outcome.FAILED, message, hint or "")


def skipped(name: str, message: str) -> Check:
    """Return a check that could not be made after an earlier one failed."""
    return Check(name, Outcome.SKIPPED, message)
