"""Entry point; `version` is answered before anything is imported, because it must be instant."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] in (["version"], ["--version"]):
        from rocketship._version import __version__

        print(f"rocketship {__version__}")  # noqa: T201
        return
    from rocketship.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
