"""The totals at the end, and the exit code: both from structured results, nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from rocketship.cli.console import Console
from rocketship.cli.output.detail import Detail
from rocketship.errors import EXIT_CANCELLED
from rocketship.run.contracts import coverage
from rocketship.run.printable import printable
from rocketship.run.result import RunResult, Totals
from rocketship.run.status import Status
from rocketship.values import format_duration

EXIT_PASSED = 0
EXIT_FAILED = 1
EXIT_INFRASTRUCTURE = 3


def exit_code(results: Sequence[RunResult]) -> int:
    """Return the exit code the runs add up to.

    Cancelled beats everything, because somebody asked for it. A run whose end nobody saw has no
    verdict. No runs, and runs without an executed test, are not green.
    """
    if any(run.status is Status.CANCELLED for run in results):
        return EXIT_CANCELLED
    if any(not run.status.finished for run in results):
        return EXIT_INFRASTRUCTURE
    if results and all(run.green for run in results):
        return EXIT_PASSED
    return EXIT_FAILED


def print_results(console: Console, results: Sequence[RunResult], detail: Detail) -> None:
    """Print all that went wrong, and the totals; nothing if no run began, as an error says why."""
    if not results:
        return
    if any(not run.green or run.cleanup_failures for run in results):
        from rocketship.cli.output.failure import print_failures

        print_failures(console, results, detail)
    print_summary(console, results)


def print_summary(console: Console, results: Sequence[RunResult]) -> None:
    """Print the final block; scripts search it for its labels."""
    console.print()
    for text, color in _summary_lines(results):
        console.print(console.paint(text, color, bold=bool(color)))


def _summary_lines(results: Sequence[RunResult]) -> Iterator[tuple[str, str]]:
    passed = sum(run.green for run in results)
    failed = len(results) - passed
    totals = Totals.sum(run.totals for run in results)
    yield f"Total Test Suites: {len(results)}", ""
    yield f"✓ Passed Suites: {passed}", "green" if passed else ""
    yield f"✗ Failed Suites: {failed}", "red" if failed else ""
    yield "", ""
    yield f"Total Tests: {totals.total}", ""
    yield f"✓ Passed Tests: {totals.passed}", "green" if totals.passed else ""
    yield f"✗ Failed Tests: {totals.not_passed}", "red" if totals.not_passed else ""
    # Scripts read "Failed Tests: 0" as success, so it counts these three as well.
    for label, count in (
        ("timed out", totals.timeout),
        ("cancelled", totals.cancelled),
        ("did not end", totals.unfinished),
    ):
        if count:
            yield f"    of these {label}: {count}", "red"
    if totals.skipped:
        yield f"- Skipped Tests: {totals.skipped}", "yellow"
    for covered in coverage(results):
        counted = f"{len(covered.used)} of {covered.total} operations"
        yield f"Contract {printable(covered.spec)}: {counted} used", ""
    if begun := [run for run in results if run.started_at]:
        yield "", ""
        yield f"Duration: {format_duration(_elapsed(begun))}", ""


def _elapsed(results: Sequence[RunResult]) -> float:
    """Return the seconds from the start of the first run to the end of the last, or until now."""
    begun = min(run.started_at for run in results)
    if any(run.ended_at is None for run in results):
        ended = time.time()
    else:
        ended = max(run.started_at + run.duration_seconds for run in results)
    return max(ended - begun, 0.0)
