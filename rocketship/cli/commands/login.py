"""Log in to the engine of a profile, by approving a code in a browser on any device.

The engine names the issuer to log in with. The login is kept in the keyring of the system or, where
there is none, in a file for you alone; commands use and renew it.
Examples: `rocketship login`, `rocketship login --profile staging --no-browser`.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rocketship.cli import options
from rocketship.cli.connection.endpoint import choose_target
from rocketship.cli.console import standard_console
from rocketship.errors import UsageError
from rocketship.profiles.resolve import Connection

NO_BROWSER = Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")]
TIMEOUT = Annotated[
    str, typer.Option("--timeout", metavar="DURATION", help="Longest wait for the approval.")
]


@options.with_connection
def main(connection: Connection, no_browser: NO_BROWSER = False, timeout: TIMEOUT = "") -> int:
    """Log in to the engine of a profile."""
    from rocketship.cli.login.dialog import log_in

    console = standard_console()
    seconds = options.seconds("--timeout", timeout)
    target = choose_target(console, connection)
    if not target.profile.engine:
        console.note("No login is needed: suites run in the process of each command.")
        return 0
    if not target.profile.name:
        address = target.profile.engine
        raise UsageError(
            f"a login is kept for a profile, and {target.origins['engine']} gives an address only",
            hint=f"rocketship profile create NAME {address}, then rocketship login --profile NAME",
        )
    return log_in(console, target, browser=not no_browser, max_seconds=seconds)
