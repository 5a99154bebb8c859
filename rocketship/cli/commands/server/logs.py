"""Show what the server on this machine logged since it was last started with `-b`.

Examples: `rocketship server logs`, `rocketship server logs --lines 50 --follow`.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import Annotated

import typer

from rocketship.cli.console import standard_console
from rocketship.cli.local_server.record import Place
from rocketship.errors import NotFound
from rocketship.run.printable import printable

POLL_SECONDS = 0.2
LINES = Annotated[
    int | None, typer.Option("--lines", "-n", metavar="N", min=1, help="Only the last N lines.")
]
FOLLOW = Annotated[bool, typer.Option("--follow", help="Stay until the server has ended.")]


def main(lines: LINES = None, follow: FOLLOW = False) -> int:
    """Show what the server on this machine logged."""
    console = standard_console()
    place = Place(os.environ)
    record = place.find()
    if record is not None and not record.log:
        raise NotFound(f"the server, process {record.pid}, logs to the terminal it runs in")
    try:
        file = place.log.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        hint = "start one with `rocketship start server -b`"
        raise NotFound("no local server has logged anything yet", hint=hint) from None
    with file:
        console.write(printable("".join(deque(file, lines))))
        # A file tells nobody that it has grown, at least not on every system and mount.
        while follow and place.holder():
            time.sleep(POLL_SECONDS)
            console.write(printable(file.read()))
    return 0
