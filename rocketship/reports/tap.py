"""TAP 14: one test point per test, with the failure in its diagnostic block."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rocketship.reports.failure import Layout, failure_lines
from rocketship.reports.titles import unit_title
from rocketship.run.contracts import coverage
from rocketship.run.printable import printable
from rocketship.run.result import RunResult, TestResult
from rocketship.run.status import Status
from rocketship.values import Location, to_ascii_json

LAYOUT = Layout(width=100)


def render(results: Sequence[RunResult]) -> bytes:
    """Return the document for one or several runs, in UTF-8."""
    return ("\n".join(_lines(results)) + "\n").encode("utf-8", "replace")


def _lines(results: Sequence[RunResult]) -> Iterator[str]:
    points = [(run, test) for run in results for test in _tests(run)]
    yield "TAP version 14"
    yield f"1..{len(points)}" if points else "1..0 # SKIP no tests"
    for number, (run, test) in enumerate(points, start=1):
        yield from _point(number, run, test, several=len(results) > 1)
    for run in results:
        if not run.status.finished or (run.status.bad and not run.failures):
            message = run.message or f"the run is {run.status}"
            yield f"Bail out! {_one_line(message)}"
    for covered in coverage(results):
        used = f"{len(covered.used)} of {covered.total} operations used"
        yield f"# contract {_one_line(covered.spec)}: {used}"


def _tests(run: RunResult) -> tuple[TestResult, ...]:
    """Return what counts: a failed suite init, and the tests."""
    return (*((run.init,) if run.init and run.init_failed else ()), *run.tests)


def _point(number: int, run: RunResult, test: TestResult, *, several: bool) -> Iterator[str]:
    good = test.status in (Status.PASSED, Status.SKIPPED)
    title = _escaped(unit_title(run, test, several=several))
    line = f"{'ok' if good else 'not ok'} {number} - {title}"
    if test.status is Status.SKIPPED:
        line = f"{line} # SKIP {_escaped(_one_line(test.message))}".rstrip()
    yield line
    yield "  ---"
    yield f"  status: {test.status}"
    yield f"  duration_ms: {test.duration_seconds * 1000:.3f}"
    if run.file:
        yield f"  at: {to_ascii_json(printable(str(Location(run.file, test.line))))}"
    if not good:
        yield f"  message: {to_ascii_json(_message(test))}"
        text = "\n".join(line.text for line in failure_lines(run, test, LAYOUT))
        # Text in JSON is text in YAML too, whatever is in it.
        yield f"  failure: {json.dumps(text, ensure_ascii=True)}"
    yield "  ..."


def _message(test: TestResult) -> str:
    step = next(iter(test.failed_steps), None)
    told = step.failure.message if step and step.failure else test.message
    return _one_line(told or f"the test is {test.status}")


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())


def _escaped(text: str) -> str:
    """Return text in which no character starts a directive."""
    return text.replace("\\", "\\\\").replace("#", "\\#")
