"""Run ids: 26-character lower-case ULIDs, so that ids sort by the time a run was created.

Written here because the one call we need would cost 35 ms of imports from a library. The format is
that of the ULID specification: 48 bits of milliseconds and 80 random bits in Crockford's base 32.
"""

from __future__ import annotations

import os
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
#: As much of an id as people are shown; runs of the same millisecond share ten characters.
SHORT = 12
#: Shorter prefixes are too likely to be a slip of the fingers.
MIN_PREFIX = 6


def new_run_id(now: float | None = None) -> str:
    """Return a new id; `now` is seconds since the epoch, by default the current time."""
    milliseconds = int((time.time() if now is None else now) * 1000)
    number = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))


def is_run_id_prefix(text: str) -> bool:
    """Return whether the text can be the beginning of a run id."""
    return 0 < len(text) <= LENGTH and all(character in ALPHABET for character in text.lower())
