"""A step on the page: a line with its place in time, and behind it everything known about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rocketship.reports.exchange import Limits, exchange_lines, value_text
from rocketship.reports.failure import attempted_again, waiting
from rocketship.reports.html.markup import NOTHING, Markup, fold, join, tag, text
from rocketship.reports.html.room import Room
from rocketship.run.events import AssertionResult
from rocketship.run.printable import printable
from rocketship.run.result import RunResult, StepResult, TestResult
from rocketship.run.status import Status
from rocketship.values import Json, Location, format_duration

#: How much of an exchange is on the page; the rest is behind "all of it", up to what was recorded.
SHOWN = Limits(lines=30, characters=400)
EVERYTHING = Limits(lines=20_000, characters=100_000)
#: Of steps that passed less is kept, so that pages of many tests open quickly.
PASSED = Limits(lines=40, characters=1000, indented=1000)
#: Parts of a bar are given in thousandths of its width.
WIDTH = 1000


def bar(start: float, seconds: float, whole: float, kind: str) -> Markup:
    """Return a bar that shows when something happened within a longer time."""
    scale = WIDTH / whole if whole > 0 else 0.0
    left = min(max(start * scale, 0.0), WIDTH - 4.0)
    width = min(max(seconds * scale, 4.0), WIDTH - left)
    shape = f'<rect x="{left:.0f}" y="0" width="{width:.0f}" height="10"/>'
    return tag(
        "svg",
        Markup(shape),
        class_=f"bar {kind}",
        viewBox=f"0 0 {WIDTH} 10",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def step_row(run: RunResult, unit: TestResult, step: StepResult, room: Room) -> Markup:
    """Return the line of a step and what is behind it."""
    bad = step.status.bad
    kind = "good" if step.status is Status.PASSED else "bad" if bad else "quiet"
    if bad and step.in_cleanup:
        kind = "warn"
    mark = {"good": "✓", "bad": "✗", "warn": "⚠"}.get(kind, "–")
    phase = {"init": "init", "on_failure": "on failure", "always": "cleanup"}.get(step.phase, "")
    summary = join(
        (
            tag("span", text(mark), class_=f"mark {kind}"),
            tag(
                "span",
                text(step.name),
                tag("small", text(" · ".join(filter(None, (step.plugin, phase))))),
                class_="name",
            ),
            bar(
                step.started_at - unit.started_at,
                step.duration_seconds,
                unit.duration_seconds,
                kind,
            ),
            tag("span", text(format_duration(step.duration_seconds)), class_="time"),
        )
    )
    return fold(summary, *_details(run, step, room), opened=bad, class_="step")


def _details(run: RunResult, step: StepResult, room: Room) -> Iterator[Markup]:
    yield tag("p", text(str(Location(run.file, step.line))), class_="facts")
    if step.reason:
        yield tag("p", text(f"skipped: {step.reason}"), class_="quiet")
    if failure := step.failure:
        yield tag("p", tag("b", text(failure.type)), text(f": {failure.message}"), class_="error")
        if failure.hint:
            yield tag("p", text(f"hint: {failure.hint}"), class_="hint")
    yield join(_assertion(check) for check in step.assertions)
    yield _block("attempts", _attempts(step))
    yield _exchange("request", step.request, step.status.bad, room)
    yield _exchange("response", step.response, step.status.bad, room)
    if step.timings:
        phases = "  ".join(f"{name} {format_duration(took)}" for name, took in step.timings.items())
        yield _block("timings", [phases])
    if step.reproduce:
        yield _block("reproduce", printable(step.reproduce).split("\n"))
    if step.saved:
        yield _block("saved", [f"{name} = {value_text(item)}" for name, item in step.saved.items()])
    yield _output(step, room)
    if step.left_out:
        yield tag("p", text("details: left out, because the run is large"), class_="quiet")


def _assertion(check: AssertionResult) -> Markup:
    kind = "good" if check.passed else "warn" if check.soft else "bad"
    mark = "✓" if check.passed else "✗"
    words = " ".join(filter(None, (check.type, check.target, check.operator)))
    sentence = words if check.passed else check.message or words
    notes = [f"line {check.line}"] if check.line else []
    notes += ["soft"] if check.soft else []
    head = tag(
        "p",
        tag("span", text(mark), class_=f"mark {kind}"),
        text(sentence),
        tag("small", text(" · ".join(notes))),
    )
    return tag("div", head, NOTHING if check.passed else _difference(check), class_="check")


def _difference(check: AssertionResult) -> Markup:
    if check.diff:
        return tag("pre", join(_diff_line(line) for line in check.diff.rstrip("\n").split("\n")))
    if check.expected is None and check.actual is None:
        return NOTHING
    return tag(
        "table",
        _value("expected", check.expected, "removed"),
        _value("actual", check.actual, "added"),
    )


def _value(label: str, value: Json, kind: str) -> Markup:
    return tag("tr", tag("th", text(label)), tag("td", text(value_text(value)), class_=kind))


def _diff_line(line: str) -> Markup:
    kind = {"-": "removed", "+": "added"}.get(line[:1])
    return Markup(tag("span", text(line), class_=kind) + "\n")


def _attempts(step: StepResult) -> list[str]:
    lines = [
        f"{tried.number}. {tried.failure.type}: {tried.failure.message} ({waiting(step, tried)})"
        for tried in step.failed_attempts
    ]
    last = "failed as shown above" if step.status.bad else "passed"
    return [*lines, f"{step.attempts}. {last}"] if attempted_again(step) else lines


def _exchange(label: str, value: Json, bad: bool, room: Room) -> Markup:
    if value is None:
        return NOTHING
    if room.shown < 0:
        return _left_out(label)
    short = _measured(exchange_lines(value, SHOWN if bad else PASSED), room)
    block = fold(text(label), _pre(short), opened=bad, class_="block")
    if not bad or room.whole < 0:
        return block
    whole = exchange_lines(value, EVERYTHING)
    if short == whole:
        return block
    _measured(whole, room)
    return Markup(block + fold(text(f"{label}: all of it"), _pre(whole), class_="block"))


def _output(step: StepResult, room: Room) -> Markup:
    if step.logs and room.shown < 0:
        return _left_out("output")
    return _block("output", _measured([line.message for line in step.logs], room))


def _measured(lines: list[str], room: Room) -> list[str]:
    room.take(sum(map(len, lines)))
    return lines


def _left_out(label: str) -> Markup:
    """Return what stands for the part of a step that a page has no room for."""
    return tag("p", text(f"{label}: left out, because this page is long"), class_="quiet")


def _block(label: str, lines: Iterable[str]) -> Markup:
    lines = list(lines)
    return tag("div", tag("h4", text(label)), _pre(lines), class_="block") if lines else NOTHING


def _pre(lines: Iterable[str]) -> Markup:
    return tag("pre", text("\n".join(lines)))
