"""`python -m rocketship.demo`: the sample API for people to try things on, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rocketship.demo.server import SampleApi, sample_app
from rocketship.errors import UsageError

if TYPE_CHECKING:
    from starlette.applications import Starlette

STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}


def main(
    arguments: Sequence[str] | None = None, *, create: Callable[[], Starlette] = sample_app
) -> int:
    """Serve until a signal says stop, and print the URL first; return the exit code."""
    parser = argparse.ArgumentParser(description="Serve the sample API on this machine.")
    parser.add_argument("--port", type=int, default=0, help="the port; a free one by default")
    port = parser.parse_args(arguments).port
    # Blocked before the server's thread starts, so that only the wait below takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        with SampleApi(create, port=port) as api:
            sys.stdout.write(f"{api.url}\n")
            sys.stdout.flush()
            signal.sigwait(STOP_SIGNALS)
    except UsageError as error:
        sys.stderr.write(f"{error.message}; {error.hint}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
