"""How long ago something began, whatever is done to the clock meanwhile.

The clock on the wall can be put forward and back while a run goes on, but it is the only one that
two processes agree on. So it counts for what happened before this process took over, and for
nothing after that.
"""

from __future__ import annotations

import time


class Stopwatch:
    """Counts the seconds since a moment, never backwards.

    Args:
        started_at: The moment, in seconds since the epoch.
    """

    def __init__(self, started_at: float) -> None:
        self._earlier = max(0.0, time.time() - started_at)
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds since the moment."""
        return self._earlier + time.monotonic() - self._begun
