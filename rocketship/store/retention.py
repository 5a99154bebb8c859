"""Removes old runs from history, as long as the engine lives."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rocketship.errors import StoreError
from rocketship.store.base import RunStore

log = logging.getLogger(__name__)

SECONDS_PER_DAY = 86_400
SWEEP_SECONDS = 3600


@contextmanager
def removing_old_runs(store: RunStore, days: int) -> Iterator[None]:
    """Remove the runs that ended more than so many days ago, now and once an hour.

    Nobody waits for it: there may be years of them.

    Args:
        store: Where they are.
        days: 0 keeps everything.
    """
    sweeper = asyncio.create_task(_keep_sweeping(store, days * SECONDS_PER_DAY))
    try:
        yield
    finally:
        sweeper.cancel()


async def _keep_sweeping(store: RunStore, seconds: float) -> None:
    while seconds:
        try:
            await store.delete_ended_before(time.time() - seconds)
        except StoreError as error:
            # It may work the next time.
            log.warning("retention_failed", extra={"error": error.message})
        await asyncio.sleep(SWEEP_SECONDS)
