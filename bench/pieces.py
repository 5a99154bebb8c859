"""Runs a command line, and writes down the long pieces of work of its event loop.

While one is at work nothing else in the process moves. They are told in CPU time, which does not
depend on what else the machine does: pieces.py FILE ARGUMENT ...
"""

from __future__ import annotations

import asyncio
import atexit
import json
import sys
import time
from pathlib import Path
from typing import Any

#: Shorter ones are not written down.
LONG_SECONDS = 0.001


def main() -> None:
    """Watch the loop, and do what the arguments say."""
    pieces: list[tuple[float, float]] = []
    run = asyncio.events.Handle._run

    def watched(handle: asyncio.Handle) -> Any:
        begun = time.thread_time()
        try:
            return run(handle)
        finally:
            if (took := time.thread_time() - begun) > LONG_SECONDS:
                pieces.append((time.time(), took))

    asyncio.events.Handle._run = watched  # type: ignore[method-assign]
    atexit.register(lambda: Path(sys.argv[1]).write_text(json.dumps(pieces)))

    from rocketship.cli.app import run as rocketship

    sys.exit(rocketship(sys.argv[2:]))


if __name__ == "__main__":
    main()
