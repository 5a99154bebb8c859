"""List runs, newest first.

Examples: `rocketship list`, `rocketship list --status failed --limit 5`,
`rocketship list --format json`.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from rocketship.cli import options
from rocketship.cli.console import Console, standard_console
from rocketship.cli.context import connect, run_async
from rocketship.errors import UsageError
from rocketship.profiles.resolve import Connection
from rocketship.run.ids import SHORT
from rocketship.run.printable import printable
from rocketship.run.status import Status
from rocketship.values import format_duration, format_time

if TYPE_CHECKING:
    from rocketship.store.base import RunFilter, RunPage, RunRecord

DEFAULT_LIMIT = 20
_MARKS = {
    Status.PASSED: ("✓", "green"),
    Status.FAILED: ("✗", "red"),
    Status.TIMEOUT: ("✗", "red"),
    Status.CANCELLED: ("✗", "yellow"),
}


@options.with_connection
def main(
    connection: Connection,
    status: Annotated[str, typer.Option(metavar="TEXT", help="Only runs with this status.")] = "",
    suite: Annotated[
        str, typer.Option(metavar="TEXT", help="Only suites whose name contains this.")
    ] = "",
    project_id: Annotated[
        str, typer.Option(metavar="TEXT", help="Only runs of this project.")
    ] = "",
    source: Annotated[str, typer.Option(metavar="TEXT", help="Only runs from this source.")] = "",
    branch: Annotated[str, typer.Option(metavar="TEXT", help="Only runs of this branch.")] = "",
    schedule_name: Annotated[
        str, typer.Option(metavar="TEXT", help="Only runs of this schedule.")
    ] = "",
    limit: Annotated[
        int, typer.Option(metavar="N", help="Most runs to show, 1 to 1000.")
    ] = DEFAULT_LIMIT,
    ascending: Annotated[bool, typer.Option("--ascending", help="Oldest first.")] = False,
    cursor: Annotated[
        str, typer.Option(metavar="TEXT", help="Continue a list where it stopped.")
    ] = "",
    output: options.FORMAT = "table",
) -> int:
    """List runs, newest first."""
    from rocketship.store.base import MAX_PAGE, RunFilter

    if not 1 <= limit <= MAX_PAGE:
        raise UsageError(f"--limit must be between 1 and {MAX_PAGE}, found {limit}")
    if output not in ("table", "json"):
        raise UsageError(f'there is no format "{output}"', hint="use table or json")
    if status and status.upper() not in Status.__members__:
        known = ", ".join(Status.__members__).lower()
        raise UsageError(f'there is no status "{status}"', hint=f"known: {known}")
    query = RunFilter(
        status=status,
        suite=suite,
        project=project_id,
        source=source,
        branch=branch,
        schedule=schedule_name,
        ascending=ascending,
        limit=limit,
        cursor=cursor,
    )
    return run_async(_list(query, connection, output))


async def _list(query: RunFilter, connection: Connection, output: str) -> int:
    console = standard_console()
    async with connect(console, connection) as client:
        page = await client.list_runs(query)
    if output == "json":
        console.print(json.dumps(_document(page), indent=2, ensure_ascii=False))
    elif page.runs:
        _table(console, page)
    else:
        console.print("No test runs found.")
    return 0


def _table(console: Console, page: RunPage) -> None:
    columns = f"{'RUN ID':<{SHORT}}  {'STATUS':<11} {'TESTS':>9}  {'DURATION':>8}  STARTED"
    console.print(console.paint(f"{columns:<61}  SUITE", bold=True))
    for run in page.runs:
        mark, color = _MARKS.get(run.status, ("·", ""))
        status = console.paint(f"{mark} {run.status.value:<9}", color)
        tests = f"{run.totals.passed}/{run.totals.total}"
        duration = format_duration(run.duration_seconds) if run.ended_at else ""
        line = f"{run.id[:SHORT]}  {status} {tests:>9}  {duration:>8}  {_age(run):<14}"
        console.print(f"{line}  {printable(run.suite)}")
    if page.cursor:
        shown, total = len(page.runs), page.total
        console.note(f"{shown} of {total} runs; more with --limit, or --cursor {page.cursor}")


def _age(run: RunRecord) -> str:
    seconds = time.time() - run.created_at
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)}m ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)}h ago"
    if seconds < 7 * 86_400:
        return f"{int(seconds // 86_400)}d ago"
    return time.strftime("%Y-%m-%d", time.localtime(run.created_at))


def _document(page: RunPage) -> dict[str, object]:
    return {
        "runs": [
            {
                "run_id": run.id,
                "suite": run.suite,
                "file": run.file,
                "status": run.status.value,
                "started_at": format_time(run.created_at),
                "ended_at": format_time(run.ended_at) if run.ended_at else None,
                "duration_seconds": round(run.duration_seconds, 6),
                "message": run.message,
                "tests": {
                    "total": run.totals.total,
                    "passed": run.totals.passed,
                    "failed": run.totals.failed,
                    "timeout": run.totals.timeout,
                    "cancelled": run.totals.cancelled,
                    "skipped": run.totals.skipped,
                },
                "context": run.context,
            }
            for run in page.runs
        ],
        "total": page.total,
        "cursor": page.cursor,
    }
