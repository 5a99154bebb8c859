"""What the process tells its operator, on stderr; results for users go other ways."""

from __future__ import annotations

import logging
import sys


def log_to_stderr(level: str) -> None:
    """Send the program's own log records to stderr, one line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger("rocketship")
    root.addHandler(handler)
    root.setLevel(level.upper())
