"""Removes old runs from history, at the start and as long as the engine lives."""

from __future__ import annotations

import asyncio
import logging
import time

from rocketship.errors import StoreError
from rocketship.store.base import RunStore

log = logging.getLogger(__name__)

SECONDS_PER_DAY = 86_400
SWEEP_SECONDS = 3600


async def remove_old_runs(store: RunStore, days: int) -> None:
    """Remove the runs that ended more than so many days ago; 0 keeps everything."""
    if days:
        await store.delete_ended_before(time.time() - days * SECONDS_PER_DAY)


async def keep_removing_old_runs(store: RunStore, days: int) -> None:
    """Do it again once an hour, until cancelled; a store that fails may work the next time."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await remove_old_runs(store, days)
        except StoreError as error:
            log.warning("retention_failed", extra={"error": error.message})
