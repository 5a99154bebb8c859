"""Live events of running runs, for any number of watchers.

A watcher that falls behind loses its place in memory, not its events: it is told to read the gap
from the store. So one slow consumer can neither hold up a run nor fill the memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import TypeAlias

from rocketship.dataclass import dataclass
from rocketship.errors import RocketshipError
from rocketship.run.events import Recorded

#: Gets the id of a run and what just happened in it; nothing when the run is new here.
Tap: TypeAlias = Callable[[str, Sequence[Recorded]], None]
#: Events kept for a watcher that has not taken them yet.
MAX_BACKLOG = 10_000


class Subscription:
    """One watcher's view of a run: events arrive in order; `take` waits for the next ones."""

    def __init__(self) -> None:
        self._backlog: deque[Recorded] = deque()
        self._arrived = asyncio.Event()
        self._lagged = False
        self._ended = False
        self._error: RocketshipError | None = None

    def put(self, events: Sequence[Recorded]) -> None:
        """Deliver events; beyond the backlog limit they are dropped and the watcher is told."""
        if len(self._backlog) + len(events) > MAX_BACKLOG:
            self._backlog.clear()
            self._lagged = True
        else:
            self._backlog.extend(events)
        self._arrived.set()

    def end(self, error: RocketshipError | None = None) -> None:
        """Say that nothing more will come, and whether the record is incomplete."""
        self._ended, self._error = True, error
        self._arrived.set()

    async def take(self) -> list[Recorded] | None:
        """Return the next events, an empty list after a gap, or None at the end.

        Raises:
            RocketshipError: The run could not be carried out or recorded completely.
        """
        while not (self._backlog or self._lagged):
            if self._ended:
                if self._error is not None:
                    raise self._error
                return None
            self._arrived.clear()
            await self._arrived.wait()
        if self._lagged:
            self._lagged = False
            return []
        events = list(self._backlog)
        self._backlog.clear()
        return events


@dataclass(slots=True)
class _Topic:
    subscriptions: set[Subscription] = field(default_factory=set)


class Hub:
    """Fans events out to the watchers of each running run."""

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}
        self._taps: list[Tap] = []

    @property
    def run_ids(self) -> list[str]:
        """The runs that are live here."""
        return list(self._topics)

    @property
    def watchers(self) -> int:
        """How many watchers all live runs have together."""
        return sum(len(topic.subscriptions) for topic in self._topics.values())

    def carries(self, run_id: str) -> bool:
        """Return whether a run is live here."""
        return run_id in self._topics

    def tap(self, listener: Tap) -> None:
        """Show a listener the events of every run from now on; it must be quick."""
        self._taps.append(listener)

    def open(self, run_id: str) -> None:
        """Begin to carry a run's events."""
        self._topics.setdefault(run_id, _Topic())
        for listener in self._taps:
            listener(run_id, ())

    def publish(self, run_id: str, events: Sequence[Recorded]) -> None:
        """Deliver events, in sequence, to everybody who watches the run."""
        for listener in self._taps:
            listener(run_id, events)
        if topic := self._topics.get(run_id):
            for subscription in topic.subscriptions:
                subscription.put(events)

    def close(self, run_id: str, error: RocketshipError | None = None) -> None:
        """End the run for its watchers, after the events published so far."""
        if topic := self._topics.pop(run_id, None):
            for subscription in topic.subscriptions:
                subscription.end(error)

    def subscribe(self, run_id: str) -> Subscription | None:
        """Return a new watcher's view from now on; None when the run is not live here."""
        topic = self._topics.get(run_id)
        if topic is None:
            return None
        subscription = Subscription()
        topic.subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, run_id: str, subscription: Subscription) -> None:
        """Forget a watcher."""
        if topic := self._topics.get(run_id):
            topic.subscriptions.discard(subscription)
