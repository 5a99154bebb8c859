"""What went wrong, in full, after the runs have ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rocketship.cli.console import Console
from rocketship.cli.output.detail import BRIEF, Detail
from rocketship.reports.failure import (
    Layout,
    Role,
    TextLine,
    failure_lines,
    sentence_lines,
    step_lines,
)
from rocketship.reports.titles import cleanup_title, unit_title
from rocketship.run.printable import printable
from rocketship.run.result import RunResult, TestResult

#: Sentences longer than this are hard to read, however wide the terminal is.
MAX_WIDTH = 100
#: Tests that never ran are named together; more names than these are only counted.
MAX_NAMES = 5

_COLORS = {
    Role.ERROR: "red",
    Role.HINT: "cyan",
    Role.EXPECTED: "green",
    Role.ACTUAL: "red",
}


def print_failures(console: Console, results: Sequence[RunResult], detail: Detail = BRIEF) -> None:
    """Print a block for every failed test, then the cleanup steps that failed."""
    several = len(results) > 1
    for run in results:
        layout = _layout(console, run, detail)
        for test in run.failures:
            if test.steps:
                title = f"✗ {unit_title(run, test, several=several)}"
                _print(console, title, failure_lines(run, test, layout))
        for message, tests in _not_run(run).items():
            _print(console, _title_not_run(run, tests, several), sentence_lines(message, layout))
        if sentence := _untold(run):
            _print(console, f"✗ {printable(run.suite)}", sentence_lines(sentence, layout))
    for run in results:
        _print_cleanup_failures(console, run, _layout(console, run, detail), several)


def _layout(console: Console, run: RunResult, detail: Detail) -> Layout:
    return Layout(min(console.width, MAX_WIDTH), detail.limits(run.run_id))


def _not_run(run: RunResult) -> dict[str, list[TestResult]]:
    """Return the failed tests without a single step, by the reason they share."""
    groups: dict[str, list[TestResult]] = {}
    for test in run.failures:
        if not test.steps:
            groups.setdefault(test.message or str(test.status), []).append(test)
    return groups


def _title_not_run(run: RunResult, tests: Sequence[TestResult], several: bool) -> str:
    names = [unit_title(run, test, several=several) for test in tests[:MAX_NAMES]]
    if more := len(tests) - len(names):
        names.append(f"{more} more")
    return f"✗ {', '.join(names)}"


def _untold(run: RunResult) -> str:
    """Return why a run is not green when no failed test tells it."""
    totals = run.totals
    if not run.status.finished:
        return "the run did not end"
    if totals.unfinished:
        tests = f"{totals.unfinished} test{'' if totals.unfinished == 1 else 's'} did not end"
        return f"{tests}: {run.message}" if run.message else tests
    if run.green or run.failures:
        return ""
    return run.message or f"the run ended {run.status}"


def _print_cleanup_failures(
    console: Console, run: RunResult, layout: Layout, several: bool
) -> None:
    for unit in run.units:
        for step in unit.failed_cleanup_steps:
            title = f"⚠ {cleanup_title(run, unit, several=several)} failed"
            console.print()
            console.print(console.paint(title, "yellow", bold=True))
            for line in step_lines(run, step, layout):
                console.print(_painted(console, line))


def _print(console: Console, title: str, lines: Iterable[TextLine]) -> None:
    console.print()
    console.print(console.paint(title, "red", bold=True))
    for line in lines:
        console.print(_painted(console, line))


def _painted(console: Console, line: TextLine) -> str:
    bold, dim = line.role is Role.LABEL, line.role is Role.PLACE
    return console.paint(line.text, _COLORS.get(line.role, ""), bold=bold, dim=dim)
