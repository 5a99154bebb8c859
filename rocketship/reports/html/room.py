"""How much a page may hold, so that a browser opens it whatever a run has received.

The failures come first on a page, and so the first of them are told in full. When the room is used
up, what follows is told in short, and in the end only by its messages.
"""

from __future__ import annotations

from rocketship.dataclass import dataclass

#: Characters of requests, responses and outputs on one page: shown in full, and shown at all.
WHOLE_CHARACTERS = 16 << 20
SHOWN_CHARACTERS = 32 << 20


@dataclass(slots=True)
class Room:
    """What is left of a page."""

    whole: int = WHOLE_CHARACTERS
    shown: int = SHOWN_CHARACTERS

    def take(self, characters: int) -> None:
        """Use some of it."""
        self.whole -= characters
        self.shown -= characters
