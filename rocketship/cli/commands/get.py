"""Show a run with its tests and steps, and every failure in full.

Examples: `rocketship get 01ab23cd`, `rocketship get 01ab23cd --full`,
`rocketship get 01ab23cd --format json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketship.cli import options
from rocketship.cli.console import Console, standard_console
from rocketship.cli.context import connect, run_async
from rocketship.cli.output.detail import Detail
from rocketship.errors import UsageError
from rocketship.profiles.resolve import Connection
from rocketship.run.printable import printable
from rocketship.run.result import RunResult, TestResult, Totals
from rocketship.run.status import Status
from rocketship.values import format_duration, format_time, to_text

if TYPE_CHECKING:
    from rocketship.engine.service import RunDetails

_MARKS = {
    Status.PASSED: ("✓", "green"),
    Status.SKIPPED: ("-", "yellow"),
    Status.PENDING: ("·", ""),
    Status.RUNNING: ("·", ""),
}
_FAILED_MARK = ("✗", "red")
_CLEANUP_MARK = ("⚠", "yellow")
_PHASES = {"init": "init", "on_failure": "cleanup on failure", "always": "cleanup"}


@options.with_connection
def main(
    run: options.RUN_ID,
    connection: Connection,
    output: options.FORMAT = "table",
    full: options.FULL = False,
) -> int:
    """Show a run with its tests and steps."""
    if output not in ("table", "json"):
        raise UsageError(f'there is no format "{output}"', hint="use table or json")
    return run_async(_get(run, connection, output, Detail(full, connection)))


async def _get(prefix: str, connection: Connection, output: str, detail: Detail) -> int:
    console = standard_console()
    async with connect(console, connection) as client:
        details = await client.get_run(prefix)
    if output == "json":
        from rocketship.reports.formats import render

        console.print(render("json", [details.result]).decode().rstrip("\n"))
    else:
        _show(console, details, detail)
    return 0


def _show(console: Console, details: RunDetails, detail: Detail) -> None:
    result = details.result
    console.print(console.paint("Test Run Details", bold=True))
    for label, value in _facts(result):
        console.print(f"{label + ':':<12}{_label(value)}")
    if result.context:
        console.print("Context:")
        for key, item in sorted(result.context.items()):
            console.print(f"  {key}: {_label(to_text(item))}")
    console.print()
    for unit in result.units:
        _show_unit(console, unit)
    if result.status.finished:
        from rocketship.cli.output.failure import print_failures

        print_failures(console, [result], detail)


def _facts(result: RunResult) -> list[tuple[str, str]]:
    facts = [
        ("Run ID", result.run_id),
        ("Suite", result.suite),
        ("File", result.file),
        ("Status", result.status.value),
        ("Started", format_time(result.started_at)),
    ]
    if result.ended_at is not None:
        facts.append(("Ended", format_time(result.ended_at)))
        facts.append(("Duration", format_duration(result.duration_seconds)))
    facts.append(("Tests", _counts(result.totals)))
    if result.message:
        facts.append(("Message", result.message))
    return facts


def _counts(totals: Totals) -> str:
    outcomes = {
        "passed": totals.passed,
        "failed": totals.failed,
        "timed out": totals.timeout,
        "cancelled": totals.cancelled,
        "skipped": totals.skipped,
        "unfinished": totals.unfinished,
    }
    return ", ".join(f"{count} {name}" for name, count in outcomes.items() if count) or "none"


def _show_unit(console: Console, unit: TestResult) -> None:
    is_test = unit.unit not in ("init", "cleanup")
    name = unit.name if is_test else f"suite {unit.unit}"
    notes = [_ending(unit.status, unit.duration_seconds)]
    if unit.cleanup_failures and is_test:
        notes.append("cleanup failed")
    if unit.message and not unit.steps:
        notes.append(unit.message)
    # Whatever goes wrong in cleanup is worth a warning only.
    mark, color = _mark(unit.status, in_cleanup=unit.unit == "cleanup")
    title = console.paint(f"{mark} {_label(name)}", color, bold=True)
    console.print("  ".join((title, *map(_label, notes))))
    for step in unit.steps:
        mark, color = _mark(step.status, in_cleanup=step.in_cleanup)
        notes = [step.name, _ending(step.status, step.duration_seconds)]
        if step.reason:
            notes.append(step.reason)
        if is_test and step.phase in _PHASES:
            notes.append(f"({_PHASES[step.phase]})")
        if step.attempts > 1:
            notes.append(f"({step.attempts} attempts)")
        console.print(f"    {console.paint(mark, color)} {'  '.join(map(_label, notes))}")


def _mark(status: Status, *, in_cleanup: bool) -> tuple[str, str]:
    return _CLEANUP_MARK if in_cleanup and status.bad else _MARKS.get(status, _FAILED_MARK)


def _ending(status: Status, seconds: float) -> str:
    words = {
        Status.PENDING: "not started",
        Status.RUNNING: "running",
        Status.SKIPPED: "skipped",
        Status.TIMEOUT: f"timed out after {format_duration(seconds)}",
        Status.CANCELLED: f"cancelled after {format_duration(seconds)}",
    }
    return words.get(status, format_duration(seconds))


def _label(text: str) -> str:
    return " ".join(printable(text).split())
