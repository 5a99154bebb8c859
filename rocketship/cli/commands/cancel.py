"""Stop a run; its cleanup still runs.

Examples: `rocketship cancel 01ab23cd`, `rocketship cancel 01ab23cd --force` to skip cleanup, too.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rocketship.cli import options
from rocketship.cli.console import standard_console
from rocketship.cli.context import connect, run_async
from rocketship.errors import Conflict
from rocketship.profiles.resolve import Connection

FORCE = Annotated[bool, typer.Option("--force", help="Skip cleanup, too.")]


@options.with_connection
def main(run: options.RUN_ID, connection: Connection, force: FORCE = False) -> int:
    """Stop a run; its cleanup still runs."""
    return run_async(_cancel(run, connection, force=force))


async def _cancel(prefix: str, connection: Connection, *, force: bool) -> int:
    console = standard_console()
    async with connect(console, connection) as client:
        answer = await client.cancel_run(prefix, reason="cancelled by the user", force=force)
    if not answer.stopped:
        raise Conflict(answer.message)
    console.print(answer.message[0].upper() + answer.message[1:] + ".")
    return 0
