"""Takes over the runs of processes that were killed, once, and brings them to their end."""

from __future__ import annotations

import logging

from rocketship.engine.ownership import Owner
from rocketship.engine.service import RunService
from rocketship.errors import RocketshipError
from rocketship.runtime.ports import Recovery
from rocketship.store.base import RunRecord, RunStore

log = logging.getLogger(__name__)


async def recover_lost_runs(
    store: RunStore, service: RunService, owner: Owner, recovery: Recovery
) -> list[RunRecord]:
    """Adopt every run whose owner is dead, go on with it, and return those runs, oldest first.

    Runs of living processes are left alone, and of several processes that look at the same time
    only one adopts.
    """
    lost = await store.unfinished()
    adopted: list[RunRecord] = []
    for name in dict.fromkeys(record.owner for record in lost):
        with owner.claim(name) as claimed:
            ids = set(await store.adopt(name, owner.name)) if claimed else set()
        adopted += [record for record in lost if record.id in ids]
    recovered = []
    for record in adopted:
        try:
            await service.recover(record, recovery)
        except RocketshipError as error:
            # One unreadable run must not keep the others from their cleanup.
            log.error("run_not_recovered: %s: %s", record.id, error.message)
        else:
            recovered.append(record)
    return recovered
