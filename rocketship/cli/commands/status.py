"""Show whether and as whom you are logged in.

The exit code is 0 when there is a login or a token to show, or none is needed, and 1 otherwise.
Whether the engine accepts it is for `rocketship doctor` to find out.
Examples: `rocketship status`, `rocketship status --profile staging --format json`.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rocketship.cli import options
from rocketship.cli.connection.endpoint import choose_target, endpoint_of
from rocketship.cli.console import Console, standard_console
from rocketship.cli.context import run_async
from rocketship.errors import RocketshipError, UsageError
from rocketship.profiles.resolve import Connection, Target

FORMAT = Annotated[str, typer.Option("--format", metavar="FORMAT", help="text or json.")]
_LABEL_WIDTH = 14


@options.with_connection
def main(connection: Connection, output: FORMAT = "text") -> int:
    """Show whether and as whom you are logged in."""
    if output not in ("text", "json"):
        raise UsageError(f'there is no format "{output}"', hint="use text or json")
    console = standard_console()
    target = choose_target(console, connection)
    return run_async(_show(console, target, output))


async def _show(console: Console, target: Target, output: str) -> int:
    from rocketship.cli.connection.discovery import ask_server
    from rocketship.cli.login.state import as_json, facts, login_state

    info = None
    if target.profile.engine:
        endpoint = endpoint_of(console, target)
        try:
            info = await ask_server(console, endpoint)
        except RocketshipError as error:
            console.warning(error.message, error.hint)
    state = login_state(console, target, info)
    if output == "json":
        import json

        console.print(json.dumps(as_json(state), indent=2, ensure_ascii=False))
    else:
        for label, text in facts(state):
            console.print(f"{label + ':':<{_LABEL_WIDTH}} {text}")
        if state.hint:
            console.note(f"Next: {state.hint}")
    return 0 if state.satisfied else 1
