"""Entry point; `version` is answered before anything is imported, because it must be instant."""

from __future__ import annotations

import gc
import sys

#: Objects made between two looks for garbage. Loading a program makes many and leaves none; with
#: Python's own 700 the looking takes a tenth of a short run.
QUIET_GC_THRESHOLD = 50_000


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] in (["version"], ["--version"]):
        from rocketship._version import __version__

        print(f"rocketship {__version__}")  # noqa: T201
        return
    gc.set_threshold(QUIET_GC_THRESHOLD, 100)
    from rocketship.cli.app import run

    try:
        sys.exit(run(sys.argv[1:]))
    except SystemExit as end:
        if "temporalio.bridge" in sys.modules:
            _leave(end)
        raise
    finally:
        # The process ends, and everything with it; nobody need search it for garbage once more.
        gc.freeze()


def _leave(end: SystemExit) -> None:
    """Exit at once: threads of Temporal's client that are still at work may crash an interpreter
    that takes itself apart.
    """
    import os

    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))


if __name__ == "__main__":
    main()
