"""Show what a run said, as `rocketship run` showed it.

Examples: `rocketship logs 01ab23cd`, `rocketship logs 01ab23cd --follow`.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rocketship.cli import options
from rocketship.cli.console import standard_console
from rocketship.cli.context import connect, run_async
from rocketship.profiles.resolve import Connection

FOLLOW = Annotated[bool, typer.Option("--follow", help="Stay until the run has ended.")]
TIMESTAMPS = Annotated[bool, typer.Option("--timestamp", "-t", help="Show times.")]


@options.with_connection
def main(
    run: options.RUN_ID,
    connection: Connection,
    follow: FOLLOW = False,
    timestamp: TIMESTAMPS = False,
) -> int:
    """Show what a run said."""
    return run_async(_logs(run, connection, follow=follow, timestamps=timestamp))


async def _logs(prefix: str, connection: Connection, *, follow: bool, timestamps: bool) -> int:
    from rocketship.cli.output.plain import PlainOutput
    from rocketship.run.events import RunFinished

    console = standard_console()
    output = PlainOutput(console, timestamps=timestamps)
    async with connect(console, connection) as client:
        details = await client.get_run(prefix)
        run_id, suite = details.record.id, details.record.suite
        async for item in client.watch(run_id):
            output.handle(run_id, suite, item)
            if isinstance(item.event, RunFinished) or (not follow and item.seq >= details.seq):
                break
    return 0
