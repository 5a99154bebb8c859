"""Why a test failed, as text with roles: the one layout that terminals and JUnit files share."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from enum import Enum, auto

from rocketship.dataclass import dataclass
from rocketship.reports.exchange import (
    SHORTENED,
    Limits,
    cut,
    exchange_lines,
    last_lines,
    value_text,
)
from rocketship.run.events import AssertionResult, Failure
from rocketship.run.printable import printable
from rocketship.run.result import AttemptResult, RunResult, StepResult, TestResult
from rocketship.run.status import Status
from rocketship.values import Location, format_duration

INDENT = "  "


class Role(Enum):
    """What a line is, for consumers that can emphasise it."""

    PLAIN = auto()
    PLACE = auto()
    ERROR = auto()
    HINT = auto()
    LABEL = auto()
    EXPECTED = auto()
    ACTUAL = auto()


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of a failure with its indentation; safe to show on a terminal."""

    text: str
    role: Role = Role.PLAIN


@dataclass(frozen=True, slots=True)
class Layout:
    """How much room a failure has.

    Attributes:
        width: Columns that sentences are wrapped to; data and commands are never wrapped.
        limits: How much of each body and output is shown; diffs are as long as they are, because
            plugins bound them.
    """

    width: int = 80
    limits: Limits = SHORTENED


def failure_lines(run: RunResult, test: TestResult, layout: Layout) -> Iterator[TextLine]:
    """Yield everything known about why a test, or suite init, went wrong."""
    steps = test.failed_steps
    if not steps or test.status is not Status.FAILED:
        yield from sentence_lines(_outcome(test), layout)
    for step in steps:
        yield from step_lines(run, step, layout)


def step_lines(run: RunResult, step: StepResult, layout: Layout) -> Iterator[TextLine]:
    """Yield everything known about why a step went wrong."""
    place = Location(printable(run.file), step.line)
    name = printable(step.name).replace("\n", " ")
    yield TextLine(f'{INDENT}{_step_kind(step)} "{name}" ({step.plugin}) at {place}', Role.PLACE)
    if step.failure:
        yield from _error(step.failure, step.assertions, layout)
    inner = INDENT * 2
    for check in step.assertions:
        if not check.passed:
            yield from _assertion(check, layout)
    yield from _section("attempts", _attempts(step, layout.limits), inner)
    if step.request is not None:
        yield from _section("request", exchange_lines(step.request, layout.limits), inner)
    if step.response is not None:
        yield from _section("response", exchange_lines(step.response, layout.limits), inner)
    if step.left_out:
        yield from sentence_lines("what it sent and received is left out: the run is large", layout)
    if step.reproduce:
        yield from _section("reproduce", printable(step.reproduce).split("\n"), inner)
    if step.logs:
        output = "\n".join(line.message for line in step.logs)
        # What a program says last is most likely about what went wrong.
        yield from _section("output", last_lines(output, layout.limits), inner)


def sentence_lines(text: str, layout: Layout) -> Iterator[TextLine]:
    """Yield a sentence on what went wrong, wrapped and indented like the lines of a failure."""
    return _wrapped(text, Role.ERROR, layout)


def _outcome(test: TestResult) -> str:
    """Return the sentence for a test that ended otherwise than by a failed step alone."""
    took = format_duration(test.duration_seconds)
    sentence = {
        Status.TIMEOUT: f"timed out after {took}",
        Status.CANCELLED: f"cancelled after {took}",
        Status.FAILED: "failed",
    }.get(test.status, "did not finish")
    told = any(step.failure and step.failure.message == test.message for step in test.failed_steps)
    return f"{sentence}: {test.message}" if test.message and not told else sentence


def _step_kind(step: StepResult) -> str:
    words = {
        "init": "init step",
        "on_failure": "cleanup (on_failure) step",
        "always": "cleanup step",
    }
    return words.get(step.phase, "step")


def _error(
    failure: Failure, assertions: Iterable[AssertionResult], layout: Layout
) -> Iterator[TextLine]:
    failed = [check for check in assertions if not (check.passed or check.soft)]
    if failed and all(check.message in failure.message for check in failed):
        # The message repeats what the assertions below say in more detail.
        count = f"{len(failed)} assertion{'' if len(failed) == 1 else 's'} failed"
        text = f"{failure.type}: {count}"
    else:
        text = f"{failure.type}: {failure.message}"
    yield from sentence_lines(text, layout)
    if failure.hint:
        yield from _wrapped(f"hint: {failure.hint}", Role.HINT, layout)


def _assertion(check: AssertionResult, layout: Layout) -> Iterator[TextLine]:
    notes = [f"line {check.line}"] if check.line else []
    if check.soft:
        notes.append("soft, does not fail the step")
    where = f" ({', '.join(notes)})" if notes else ""
    start, inner = f"{INDENT * 2}✗ ", INDENT * 3
    sentence = printable(check.message).strip()
    too_long = len(f"{start}{sentence}{where}") > layout.width
    if not sentence or (check.diff and too_long):
        sentence = _one_line(" ".join(filter(None, (check.type, check.target, check.operator))))
    *lines, last = _wrapped(sentence, Role.LABEL, layout, start, inner)
    yield from lines
    if len(last.text + where) <= layout.width:
        yield TextLine(last.text + where, Role.LABEL)
    else:
        yield from (last, TextLine(inner + where.lstrip(), Role.LABEL))
    if check.diff:
        for line in printable(check.diff).rstrip("\n").split("\n"):
            yield TextLine(inner + cut(line, layout.limits), _diff_role(line))
    else:
        for label, text, role in _cut_values(check, layout):
            yield TextLine(f"{inner}{label}  {text}", role)


def _cut_values(check: AssertionResult, layout: Layout) -> Iterator[tuple[str, str, Role]]:
    """Yield the long values of which the message shows less than there is room for."""
    for label, value, role in (
        ("expected", check.expected, Role.EXPECTED),
        ("actual  ", check.actual, Role.ACTUAL),
    ):
        text, room = value_text(value), layout.limits.characters
        if len(text) > layout.width and text[:room] not in check.message:
            yield label, cut(text, layout.limits), role


def _diff_role(line: str) -> Role:
    return {"-": Role.EXPECTED, "+": Role.ACTUAL}.get(line[:1], Role.PLAIN)


def _attempts(step: StepResult, limits: Limits) -> Iterator[str]:
    for attempt in step.failed_attempts:
        reason = cut(_one_line(attempt.failure.message), limits)
        yield f"{attempt.number}. {attempt.failure.type}: {reason} ({waiting(step, attempt)})"
    if attempted_again(step):
        yield f"{step.attempts}. failed as shown above"


def waiting(step: StepResult, attempt: AttemptResult) -> str:
    """Return how long the next attempt was waited for, or that the step was stopped before it."""
    after = format_duration(attempt.wait_seconds)
    last = attempt is step.failed_attempts[-1] and not attempted_again(step)
    return f"stopped while waiting {after}" if last else f"then waited {after}"


def attempted_again(step: StepResult) -> bool:
    """Return whether there was an attempt after those that failed and were to be followed."""
    return 0 < len(step.failed_attempts) < step.attempts


def _section(label: str, lines: Iterable[str], indent: str) -> Iterator[TextLine]:
    lines = list(lines)
    if lines:
        yield TextLine(f"{indent}{label}", Role.LABEL)
    for line in lines:
        yield TextLine(f"{indent}{INDENT}{line}".rstrip())


def _wrapped(
    text: str, role: Role, layout: Layout, start: str = INDENT, indent: str = INDENT
) -> Iterator[TextLine]:
    for paragraph in printable(text).split("\n"):
        for line in textwrap.wrap(
            paragraph,
            max(layout.width, 20),
            initial_indent=start,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            yield TextLine(line, role)
        start = indent


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())
