"""Show a run with its tests and steps, and every failure in full.

Examples: `rocketship get 01ab23cd`, `rocketship get 01ab23cd --format json`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketship.cli import options
from rocketship.cli.console import Console, standard_console
from rocketship.cli.context import connect, run_async
from rocketship.errors import UsageError
from rocketship.run.printable import printable
from rocketship.run.result import RunResult, TestResult
from rocketship.run.status import Status
from rocketship.values import format_duration, format_time, to_text

if TYPE_CHECKING:
    from rocketship.engine.service import RunDetails

_MARKS = {Status.PASSED: ("✓", "green"), Status.SKIPPED: ("-", "yellow")}


def main(run: options.RUN_ID, output: options.FORMAT = "table") -> int:
    """Show a run with its tests and steps."""
    if output not in ("table", "json"):
        raise UsageError(f'there is no format "{output}"', hint="use table or json")
    return run_async(_get(run, output))


async def _get(prefix: str, output: str) -> int:
    console = standard_console()
    async with connect(console) as client:
        details = await client.get_run(prefix)
    if output == "json":
        from rocketship.reports.formats import render

        console.print(render("json", [details.result]).decode().rstrip("\n"))
    else:
        _show(console, details)
    return 0


def _show(console: Console, details: RunDetails) -> None:
    from rocketship.cli.output.failure import print_failures

    result = details.result
    console.print(console.paint("Test Run Details", bold=True))
    for label, value in _facts(result):
        console.print(f"{label + ':':<12}{printable(value)}")
    if result.context:
        console.print("Context:")
        for key, item in sorted(result.context.items()):
            console.print(f"  {key}: {printable(to_text(item))}")
    console.print()
    for unit in result.units:
        _show_unit(console, unit)
    print_failures(console, [result])


def _facts(result: RunResult) -> list[tuple[str, str]]:
    totals = result.totals
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
    facts.append(("Tests", f"{totals.passed} of {totals.total} passed"))
    if result.message:
        facts.append(("Message", result.message))
    return facts


def _show_unit(console: Console, unit: TestResult) -> None:
    mark, color = _MARKS.get(unit.status, ("✗", "red"))
    title = console.paint(f"{mark} {printable(unit.name)}", color, bold=True)
    why = f"  {printable(unit.message)}" if unit.message and not unit.steps else ""
    console.print(f"{title}  {format_duration(unit.duration_seconds)}{why}")
    for step in unit.steps:
        mark, color = _MARKS.get(step.status, ("✗", "red"))
        tries = f" ({step.attempts} attempts)" if step.attempts > 1 else ""
        name = printable(step.name)
        duration = format_duration(step.duration_seconds)
        console.print(f"    {console.paint(mark, color)} {name}  {duration}{tries}")
