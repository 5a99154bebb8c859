"""A run as it happens: what is stored first, then what follows, without gap or repetition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from rocketship.engine.hub import Hub, Subscription
from rocketship.errors import Disowned, NotFound
from rocketship.run.events import Recorded
from rocketship.store.base import RunStore, stored_events

#: How long what others store is left to gather: each look costs much the same.
GATHER_SECONDS = 0.02


class Follower:
    """Reads and follows the events of runs.

    Args:
        elsewhere: Called between two looks at a run that another process carries out; raises the
            reason if it cannot go on.
    """

    def __init__(
        self, store: RunStore, hub: Hub, elsewhere: Callable[[str], Awaitable[None]]
    ) -> None:
        self._store = store
        self._hub = hub
        self._elsewhere = elsewhere

    async def follow(self, run_id: str, after_seq: int = 0) -> AsyncGenerator[list[Recorded]]:
        """Yield a run's events after a sequence number, in batches, to its end.

        An empty batch says that the consumer was too slow: what it missed follows from the store.

        Raises:
            NotFound: There is no such run.
            RocketshipError: The run could not be carried out or recorded completely.
        """
        seq = after_seq
        if subscription := self._hub.subscribe(run_id):
            try:
                async with aclosing(self._follow_live(run_id, seq, subscription)) as batches:
                    async for batch in batches:
                        seq = batch[-1].seq if batch else seq
                        yield batch
                return
            except Disowned:
                # Another process goes on with it; what that one stores, the rest is read from.
                pass
            finally:
                self._hub.unsubscribe(run_id, subscription)
        async with aclosing(self._follow_stored(run_id, seq)) as batches:
            async for batch in batches:
                yield batch

    async def _follow_live(
        self, run_id: str, seq: int, subscription: Subscription
    ) -> AsyncGenerator[list[Recorded]]:
        while True:
            async for page in stored_events(self._store, run_id, seq):
                seq = page[-1].seq
                yield page
            while events := await subscription.take():
                if fresh := [item for item in events if item.seq > seq]:
                    seq = fresh[-1].seq
                    yield fresh
            if events is None:
                return
            yield []

    async def _follow_stored(self, run_id: str, seq: int) -> AsyncGenerator[list[Recorded]]:
        with self._store.listen(run_id) as bell:
            while True:
                # Looked at first: once a run has ended, no event comes after those stored by then.
                ended = await self._ended(run_id)
                async for page in stored_events(self._store, run_id, seq):
                    seq = page[-1].seq
                    yield page
                if ended:
                    return
                await self._elsewhere(run_id)
                await bell.wait()
                await asyncio.sleep(GATHER_SECONDS)

    async def _ended(self, run_id: str) -> bool:
        found = await self._store.find(run_id)
        if not found:
            raise NotFound(f'there is no run "{run_id}"')
        return found[0].status.finished
