"""Make a profile the active one: what commands use when they are told nothing else.

Examples: `rocketship profile use staging`, `rocketship profile use local`.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rocketship.cli.connection.endpoint import config_file, tell_notes
from rocketship.cli.console import standard_console

NAME = Annotated[str, typer.Argument(metavar="NAME", help="The profile.")]
_STRONGER = ("ROCKETSHIP_ENGINE", "ROCKETSHIP_PROFILE")


def main(name: NAME) -> int:
    """Make a profile the active one."""
    console = standard_console()
    file = config_file()
    profile = file.update(lambda config: config.use(name)).find(name)
    tell_notes(console, file)
    console.print(f'The active profile is "{name}": {profile.engine or "this machine"}.')
    for variable in _STRONGER:
        if os.environ.get(variable):
            console.warning(f"{variable} is set and comes first")
    return 0
