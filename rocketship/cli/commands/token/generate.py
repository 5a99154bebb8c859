"""Make a token for an engine of your own, to put into ROCKETSHIP_ENGINE_TOKEN or its file.

With --hash two lines are printed: the token, for whoever is to use it, and the entry for the
engine's token file, which does not give the token away.
Examples: `rocketship token generate`, `rocketship token generate --hash --name ci`.
"""

from __future__ import annotations

import re
from typing import Annotated

import typer

from rocketship.cli.console import standard_console
from rocketship.errors import UsageError

HASH = Annotated[bool, typer.Option("--hash", help="Also print the entry for a token file.")]
NAME = Annotated[str, typer.Option("--name", metavar="NAME", help="Whose token it is.")]
_DEFAULT_NAME = "token"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


def main(with_hash: HASH = False, name: NAME = "") -> int:
    """Make a token."""
    from rocketship.auth.tokens import generate_token, hashed

    if name and not _NAME.fullmatch(name):
        raise UsageError(
            f'--name "{name}" cannot stand in a token file',
            hint="use letters, digits, dots, dashes, underscores and @",
        )
    console = standard_console()
    token = generate_token()
    if with_hash:
        console.print(token)
        console.print(f"{name or _DEFAULT_NAME}:{hashed(token)}")
        console.note("The first line is the token; the second is for the engine's token file.")
        return 0
    console.print(f"{name}:{token}" if name else token)
    return 0
