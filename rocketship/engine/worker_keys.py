"""Whether workers have the engine's encryption key, asked before they take any work.

What travels between engines and workers by way of Temporal is sealed. A worker with another key
would take units that it cannot read, while others could.
"""

from __future__ import annotations

import logging
import time

from rocketship.errors import Conflict, StoreError
from rocketship.store.sealing import Sealer

log = logging.getLogger(__name__)

#: How long a worker that was turned away is remembered; one that is still there asks again sooner.
STRANGER_SECONDS = 20.0
_CONTEXT = "worker"
_WORD = b"a worker of this engine"


def proof(sealer: Sealer) -> bytes:
    """Return what shows an engine that a worker has its key."""
    return sealer.seal(_WORD, _CONTEXT)


class WorkerKeys:
    """Turns workers away that have another key.

    Args:
        sealer: Has the engine's encryption key.
    """

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._strangers_until = 0.0

    @property
    def strangers(self) -> bool:
        """Whether a worker with another key was here lately."""
        return time.monotonic() < self._strangers_until

    def check(self, sealed: bytes) -> None:
        """Look at the proof of a worker.

        Raises:
            Conflict: The worker has another key.
        """
        try:
            known = self._sealer.open(sealed, _CONTEXT) == _WORD
        except StoreError:
            known = False
        if not known:
            self._strangers_until = time.monotonic() + STRANGER_SECONDS
            log.warning("worker_turned_away", extra={"why": "it has another encryption key"})
            raise Conflict(
                "the encryption key of this worker is not that of the engine",
                hint="give both the same ROCKETSHIP_ENCRYPTION_KEY",
            )
