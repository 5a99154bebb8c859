"""Show a profile and what the engine behind it says about itself.

Without a name, whatever commands use now. Examples: `rocketship profile show`,
`rocketship profile show staging`, `rocketship profile show --explain`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from rocketship.cli import options
from rocketship.cli.connection.endpoint import choose_target, endpoint_of
from rocketship.cli.console import Console, standard_console
from rocketship.cli.context import run_async
from rocketship.errors import RocketshipError, UsageError
from rocketship.profiles.resolve import Connection, Target
from rocketship.run.printable import printable

NAME = Annotated[str, typer.Argument(metavar="[NAME]", help="The profile.", show_default=False)]
EXPLAIN = Annotated[bool, typer.Option("--explain", help="Say where each value comes from.")]
_LABEL_WIDTH = 17


@options.with_connection
def main(connection: Connection, name: NAME = "", explain: EXPLAIN = False) -> int:
    """Show a profile and the engine behind it."""
    if name and connection.profile:
        raise UsageError("NAME and --profile both name a profile", hint="give one of them")
    console = standard_console()
    target = choose_target(console, replace(connection, profile=name) if name else connection)
    settings = [item for item in target.explain() if explain or item.value not in ("none", "no")]
    width = max(len(item.value) for item in settings)
    for item in settings:
        value = f"{item.value:<{width}}  {item.origin}" if explain else item.value
        _print(console, item.label, value)
    if target.profile.engine:
        return run_async(_show_server(console, target))
    console.note("No local server is running; suites run in the process of the command.")
    return 0


async def _show_server(console: Console, target: Target) -> int:
    from rocketship.cli.connection.discovery import ask_server, server_facts
    from rocketship.cli.login.state import login_state

    console.print()
    try:
        info = await ask_server(console, endpoint_of(console, target))
    except RocketshipError as error:
        # The profile is there all the same, and that was the question.
        console.warning(error.message, error.hint)
        return 0
    console.print("Server Discovery:")
    for label, text in server_facts(info):
        _print(console, f"  {label}", printable(text))
    state = login_state(console, target, info)
    _print(console, "Login", state.summary)
    if state.hint:
        console.note(f"hint: {state.hint}")
    return 0


def _print(console: Console, label: str, text: str) -> None:
    console.print(f"{label + ':':<{_LABEL_WIDTH}} {text}")
