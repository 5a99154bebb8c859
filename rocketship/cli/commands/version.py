"""Print the version."""

from __future__ import annotations

from rocketship._version import __version__


def main() -> None:
    """Print the version."""
    print(f"rocketship {__version__}")
