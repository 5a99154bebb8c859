"""Remove a profile. If it was the active one, `local` is from then on.

Example: `rocketship profile delete staging`.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rocketship.cli.connection.endpoint import config_file, tell_notes
from rocketship.cli.connection.tokens import logins_of
from rocketship.cli.console import standard_console

NAME = Annotated[str, typer.Argument(metavar="NAME", help="The profile.")]


def main(name: NAME) -> int:
    """Remove a profile."""
    console = standard_console()
    file = config_file()
    config = file.update(lambda config: config.remove(name))
    tell_notes(console, file)
    logins_of(console).delete(name)
    console.print(f'Profile "{name}" is removed; the active one is "{config.active}".')
    return 0
