"""Takes over the runs of processes that were killed, and brings them to their end."""

from __future__ import annotations

from rocketship.engine.ownership import Owner
from rocketship.engine.service import RunService
from rocketship.runtime.ports import Recovery
from rocketship.store.base import RunRecord, RunStore


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
    for record in adopted:
        await service.recover(record, recovery)
    return adopted
