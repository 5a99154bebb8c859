"""Remove an ended run from history.

Example: `rocketship delete 01ab23cd`.
"""

from __future__ import annotations

from rocketship.cli import options
from rocketship.cli.console import standard_console
from rocketship.cli.context import connect, run_async
from rocketship.profiles.resolve import Connection


@options.with_connection
def main(run: options.RUN_ID, connection: Connection) -> int:
    """Remove an ended run from history."""
    return run_async(_delete(run, connection))


async def _delete(prefix: str, connection: Connection) -> int:
    console = standard_console()
    async with connect(console, connection) as client:
        run_id = await client.delete_run(prefix)
    console.print(f"Run {run_id} is deleted.")
    return 0
