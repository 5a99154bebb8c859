"""Stop the server on this machine.

Runs that go on are resumed by the next server; a command without one cleans up after them instead.
Examples: `rocketship stop server`, `rocketship stop server --timeout 5m`.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rocketship.cli import options
from rocketship.cli.console import standard_console
from rocketship.cli.local_server.record import Place

TIMEOUT = Annotated[
    str, typer.Option("--timeout", metavar="DURATION", help="Longest wait for its end.")
]


def main(timeout: TIMEOUT = "1m") -> int:
    """Stop the server on this machine."""
    from rocketship.cli.local_server.stop import stop_server

    console = standard_console()
    patience = options.seconds("--timeout", timeout)
    place = Place(os.environ)
    record = place.find()
    if record is None:
        console.print("No local server is running.")
        return 0
    stop_server(place, record, seconds=patience or 0.0)
    console.print(f"The local server, process {record.pid}, has stopped.")
    return 0
