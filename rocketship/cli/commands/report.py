"""Write the report of a run to a file, or to stdout.

Examples: `rocketship report 01ab23cd --format junit -o report.xml`,
`rocketship report 01ab23cd --format html -o report.html`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rocketship.cli import options
from rocketship.cli.console import standard_console
from rocketship.cli.context import connect, run_async
from rocketship.profiles.resolve import Connection

FORMAT = Annotated[
    str, typer.Option("--format", metavar="FORMAT", help="html, json, junit, markdown or tap.")
]
FILE = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")
]


@options.with_connection
def main(
    run: options.RUN_ID, connection: Connection, format_: FORMAT = "junit", output: FILE = None
) -> int:
    """Write the report of a run."""
    from rocketship.reports.formats import check_format

    check_format(format_)
    return run_async(_report(run, connection, format_, output))


async def _report(prefix: str, connection: Connection, format_: str, file: Path | None) -> int:
    from rocketship.reports.formats import render

    console = standard_console()
    async with connect(console, connection) as client:
        details = await client.get_run(prefix)
    content = render(format_, [details.result])
    if file is None:
        console.write(content.decode())
    else:
        from rocketship.cli.report_files import write_file

        write_file(file, content)
        console.note(f"The report of run {details.record.id} is in {file}.")
    return 0
