"""Whether a database takes writes, as the last one has shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rocketship.errors import Disowned, StoreError

log = logging.getLogger(__name__)


class Writes:
    """Remembers how the last write went, and tells operators when that changes."""

    def __init__(self) -> None:
        self._failing = False

    @property
    def failing(self) -> bool:
        """Whether the last write failed."""
        return self._failing

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take notice of how a write goes."""
        try:
            yield
        except Disowned:
            raise  # an answer, not a failure
        except StoreError as error:
            if not self._failing:
                log.error("store_takes_no_writes", extra={"error": error.message})
            self._failing = True
            raise
        if self._failing:
            log.warning("store_takes_writes_again")
        self._failing = False
