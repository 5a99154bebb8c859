"""How much of a run is kept when all of it is read, so that no run fills the memory of its readers.

Steps that failed have room of their own: what they did is what people come for, and it must not be
lost to thousands of steps that passed before them.
"""

from __future__ import annotations

from rocketship.dataclass import dataclass
from rocketship.values import Json

#: Characters of requests, responses, values and outputs, of steps that failed and of all others.
KEPT_CHARACTERS = 32 << 20


@dataclass(slots=True)
class Room:
    """What is left for the details of a run's steps."""

    failed: int = KEPT_CHARACTERS
    others: int = KEPT_CHARACTERS

    def take(self, characters: int, *, failed: bool) -> bool:
        """Use some of it; return whether there was any left."""
        if failed:
            self.failed -= characters
            return self.failed >= 0
        self.others -= characters
        return self.others >= 0


def weight(*values: Json) -> int:
    """Return about how many characters values have together."""
    total = 0
    rest: list[Json] = [*values]
    while rest:  # every step of every run is weighed; a function calling itself takes three times
        value = rest.pop()
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, dict):
            total += sum(map(len, value))
            rest += value.values()
        elif isinstance(value, list):
            total += len(value)
            rest += value
        else:
            total += 8
    return total
