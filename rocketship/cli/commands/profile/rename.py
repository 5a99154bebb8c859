"""Rename a profile; the active one stays active.

Example: `rocketship profile rename staging stage`.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rocketship.cli.connection.endpoint import config_file, tell_notes
from rocketship.cli.connection.tokens import logins_of
from rocketship.cli.console import standard_console

NAME = Annotated[str, typer.Argument(metavar="NAME", help="The profile.")]
NEW_NAME = Annotated[str, typer.Argument(metavar="NEW_NAME", help="What to call it.")]


def main(name: NAME, new_name: NEW_NAME) -> int:
    """Rename a profile."""
    console = standard_console()
    file = config_file()
    file.update(lambda config: config.rename(name, new_name))
    tell_notes(console, file)
    logins_of(console).rename(name, new_name)
    console.print(f'Profile "{name}" is now called "{new_name}".')
    return 0
