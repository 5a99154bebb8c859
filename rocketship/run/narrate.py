"""Turns events into the log lines people read: the only place where the words of the log live.

Scripts around the original tool search its log for some of these phrases, and old clients read the
verdict from the last line, so the phrases are part of the interface.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from rocketship.dataclass import dataclass
from rocketship.run.events import (
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
from rocketship.run.printable import printable
from rocketship.run.result import Totals
from rocketship.run.status import Status
from rocketship.values import format_duration

#: The source of runs that people start themselves; it goes without saying.
BY_HAND = "cli-local"
_VERDICT_START = re.compile(r"(test)(\s+run\s*:)", re.IGNORECASE)
_STEP_WORDS = {
    "init": "init step",
    "on_failure": "cleanup (on_failure) step",
    "always": "cleanup step",
}


class Style(Enum):
    """How a line stands out: the name of a colour, or none, and whether it is bold."""

    PLAIN = ("", False)
    STRONG = ("", True)
    GOOD = ("green", False)
    SUCCESS = ("green", True)
    BAD = ("red", True)
    CAUTION = ("yellow", False)
    NOTICE = ("yellow", True)
    TITLE = ("purple", True)

    def __init__(self, color: str, bold: bool) -> None:
        self.color = color
        self.bold = bold


_LEVEL_STYLES = {"warn": Style.CAUTION, "error": Style.BAD}


@dataclass(frozen=True, slots=True)
class Line:
    """One log line: when, what, and the test and step it belongs to (empty when it has none).

    All texts are safe to show.
    """

    at: float
    message: str
    test: str = ""
    step: str = ""
    style: Style = Style.PLAIN


class Narrator:
    """Tells one run; it has to see every event of the run, in order, to know names and totals."""

    def __init__(self) -> None:
        self._suite = ""
        # The names as they are shown: of units, and of the steps of each by their paths.
        self._names: dict[str, str] = {}
        self._steps: dict[str, dict[str, str]] = {}
        self._statuses: dict[str, Status] = {}

    def lines(self, event: Event) -> Iterator[Line]:
        """Yield what is to be said about an event; a message may have several lines of text."""
        match event:
            case RunStarted():
                yield from self._run_started(event)
            case TestStarted():
                yield self._test_started(event)
            case StepStarted():
                yield self._step_started(event)
            case AttemptFailed():
                yield self._attempt_failed(event)
            case StepFinished():
                yield from self._step_finished(event)
            case TestFinished():
                yield from self._test_finished(event)
            case LogEmitted():
                style = _LEVEL_STYLES.get(event.level, Style.PLAIN)
                yield self._line(event, event.message, style)
            case RunFinished():
                yield from self._run_finished(event)

    def _run_started(self, event: RunStarted) -> Iterator[Line]:
        self._suite = event.suite
        for index, test in enumerate(event.tests):
            self._names[f"t-{index}"] = printable(test.name)
            self._statuses[f"t-{index}"] = Status.PENDING
        origins = (str(event.context.get(key) or "") for key in ("project_id", "source"))
        origin = "/".join(text for text in origins if text not in ("", BY_HAND))
        where = f" [{origin}]" if origin else ""
        yield Line(event.at, _plain(f'Starting suite "{event.suite}"{where}'), style=Style.TITLE)

    def _test_started(self, event: TestStarted) -> Line:
        self._names[event.unit] = printable(event.name)
        verb = "Starting" if event.attempt <= 1 else "Resuming"
        if event.unit in ("init", "cleanup"):
            return self._line(event, f"{verb} suite {event.unit}")
        self._statuses[event.unit] = Status.RUNNING
        return self._line(event, f"{verb} test: {event.name}")

    def _step_started(self, event: StepStarted) -> Line:
        self._steps.setdefault(event.unit, {})[event.path] = printable(event.name)
        return self._line(event, f"Starting {_step_word(event)}: {event.name}")

    def _attempt_failed(self, event: AttemptFailed) -> Line:
        again = f"trying again in {format_duration(event.wait_seconds)}"
        message = f"Attempt {event.number} of {event.maximum} failed, {again}"
        return self._line(event, f"{message}: {event.failure.message}", Style.CAUTION)

    def _step_finished(self, event: StepFinished) -> Iterator[Line]:
        self._steps.setdefault(event.unit, {})[event.path] = printable(event.name)
        for check in event.assertions:
            if check.soft and not check.passed:
                text = check.message or f"{check.type} {check.target}".rstrip()
                yield self._line(event, f"Soft assertion failed: {text}", Style.CAUTION)
        yield self._line(event, *_step_outcome(event))

    def _test_finished(self, event: TestFinished) -> Iterator[Line]:
        self._names[event.unit] = printable(event.name)
        if event.unit == "init":
            yield from self._init_finished(event)
        elif event.unit == "cleanup":
            yield self._line(event, *_cleanup_outcome(event))
        else:
            self._statuses[event.unit] = event.status
            yield self._line(event, *_test_outcome(event))
            if event.cleanup_failures:
                yield self._line(event, _cleanup_failures(event), Style.CAUTION)
        self._steps.pop(event.unit, None)

    def _init_finished(self, event: TestFinished) -> Iterator[Line]:
        if not event.status.bad:
            yield self._line(event, "Suite init completed", Style.SUCCESS)
            return
        yield self._line(event, _because("Suite init failed", event.message), Style.BAD)
        yield self._line(event, "No test is run, because suite init failed", Style.BAD)

    def _run_finished(self, event: RunFinished) -> Iterator[Line]:
        if event.status is Status.CANCELLED:
            yield self._line(event, _because("Run cancelled", event.message), Style.NOTICE)
        elif event.message:
            # Without a message only tests ran out of time, and theirs has been told.
            timed_out = event.status is Status.TIMEOUT
            message = f"Run timed out: {event.message}" if timed_out else event.message
            yield self._line(event, message, Style.BAD)
        totals = Totals.of(self._statuses.values())
        verdict = _verdict(_plain(self._suite), event.status, totals)
        yield Line(event.at, verdict, style=Style.STRONG)

    def _line(self, event: Event, message: str, style: Style = Style.PLAIN) -> Line:
        unit = getattr(event, "unit", "")
        step = self._steps.get(unit, {}).get(getattr(event, "path", ""), "")
        return Line(event.at, _plain(message), self._names.get(unit, unit), step, style)


def _plain(text: str) -> str:
    """Make text safe to show, and unable to pass for the verdict line that old clients read."""
    return _VERDICT_START.sub("\\1\u200b\\2", printable(text))


def _because(what: str, reason: str) -> str:
    return f"{what}: {reason}" if reason else what


def _step_word(event: StepStarted | StepFinished) -> str:
    return _STEP_WORDS.get(event.phase, "step")


def _step_outcome(event: StepFinished) -> tuple[str, Style]:
    word = _step_word(event).capitalize()
    reason = event.failure.message if event.failure else event.reason or ""
    if event.status is Status.PASSED:
        return f"{word} completed successfully", Style.GOOD
    if event.status is Status.SKIPPED:
        return _because(f"{word} skipped", reason), Style.PLAIN
    if event.status is Status.CANCELLED:
        return _because(f"{word} cancelled", reason), Style.NOTICE
    fallback = "timed out" if event.status is Status.TIMEOUT else "unknown error"
    return f"{word} failed: {reason or fallback}", Style.BAD


def _test_outcome(event: TestFinished) -> tuple[str, Style]:
    took = format_duration(event.duration_seconds)
    if event.status is Status.PASSED:
        return f"Test passed in {took}: {event.name}", Style.SUCCESS
    words = {Status.SKIPPED: "skipped", Status.CANCELLED: "cancelled"}
    if word := words.get(event.status):
        style = Style.PLAIN if event.status is Status.SKIPPED else Style.NOTICE
        return _because(f"Test {word}: {event.name}", event.message), style
    word = "timed out" if event.status is Status.TIMEOUT else "failed"
    after = f" after {took}" if event.duration_seconds else ""
    return _because(f"Test {word}{after}: {event.name}", event.message), Style.BAD


def _cleanup_outcome(event: TestFinished) -> tuple[str, Style]:
    if event.status is Status.SKIPPED:
        return _because("Suite cleanup skipped", event.message), Style.CAUTION
    if event.status.bad or event.cleanup_failures:
        return _because(
            "Suite cleanup failed", event.message or _cleanup_failures(event)
        ), Style.BAD
    return "Suite cleanup completed", Style.SUCCESS


def _cleanup_failures(event: TestFinished) -> str:
    many = event.cleanup_failures != 1
    return f"{event.cleanup_failures} cleanup step{'s' if many else ''} failed"


def _verdict(suite: str, status: Status, totals: Totals) -> str:
    """Return the line old clients read. They ignore timed-out tests and call zero failures green.

    So timed-out, cancelled and unfinished tests all count as failed here, and a run that went wrong
    although its tests passed counts as one more, failed test.
    """
    total, failed = totals.total - totals.skipped, totals.not_passed
    if status is not Status.PASSED and totals.executed and not failed:
        total, failed = total + 1, 1
    start = f'Test run: "{suite}" finished.'
    if total and not failed:
        return f"{start} All {total} tests passed."
    parts = [f"{totals.passed}/{total} tests passed", f"{failed}/{total} tests failed"]
    if totals.timeout:
        parts.append(f"{totals.timeout}/{total} tests timed out")
    return f"{start} {', '.join(parts)}."
