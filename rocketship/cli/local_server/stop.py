"""Stops the local server and waits for its end."""

from __future__ import annotations

import time

from rocketship.cli.local_server.process import terminate
from rocketship.cli.local_server.record import Place, ServerRecord
from rocketship.errors import Infrastructure

POLL_SECONDS = 0.02


def stop_server(place: Place, record: ServerRecord, *, seconds: float) -> None:
    """Ask the server to end and return when it has.

    Args:
        place: Where the server is found.
        record: The server, as found there.
        seconds: How long its end may take.

    Raises:
        Infrastructure: It goes on.
    """
    if not terminate(record.pid, record.started):
        return
    deadline = time.monotonic() + seconds
    # The lock goes with the process, and everything else of it before. It is looked at again and
    # again, because only a parent can wait for the end of a process on every system.
    while place.holder() == record.nonce:
        if time.monotonic() > deadline:
            raise Infrastructure(
                f"the server, process {record.pid}, has not ended after {seconds:.0f}s",
                hint=f"its log may tell why; `kill -9 {record.pid}` ends it at once",
            )
        time.sleep(POLL_SECONDS)
