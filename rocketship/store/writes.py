"""Whether a database takes writes, as the last one has shown."""

from __future__ import annotations

import logging

from rocketship.errors import Disowned, StoreError

log = logging.getLogger(__name__)


class Writes:
    """Remembers how the last write went, and tells operators when that changes.

    Each write is done within `with writes:`. That is no generator, as every step enters it.
    """

    def __init__(self) -> None:
        self._failing = False

    @property
    def failing(self) -> bool:
        """Whether the last write failed."""
        return self._failing

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, StoreError) and not isinstance(error, Disowned):
            if not self._failing:
                log.error("store_takes_no_writes", extra={"error": error.message})
            self._failing = True
        elif error is None and self._failing:
            log.warning("store_takes_writes_again")
            self._failing = False
