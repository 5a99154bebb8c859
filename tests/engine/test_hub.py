from __future__ import annotations

import asyncio

import pytest

from rocketship.engine.hub import MAX_BACKLOG, Hub
from rocketship.errors import StoreError
from rocketship.run.events import Recorded, RunFinished
from rocketship.run.status import Status


def events(count: int) -> list[Recorded]:
    finished = RunFinished(1.0, Status.PASSED, 1.0)
    return [Recorded(seq, finished) for seq in range(1, count + 1)]


def test_every_watcher_gets_every_event_and_the_end() -> None:
    async def main() -> None:
        hub = Hub()
        hub.open("r")
        watchers = [hub.subscribe("r") for _ in range(3)]
        hub.publish("r", events(2))
        hub.close("r")
        for watcher in watchers:
            assert watcher is not None
            assert await watcher.take() == events(2)
            assert await watcher.take() is None

    asyncio.run(main())


def test_watcher_that_is_too_slow_loses_its_place_and_is_told() -> None:
    async def main() -> None:
        hub = Hub()
        hub.open("r")
        watcher = hub.subscribe("r")
        assert watcher is not None
        hub.publish("r", events(MAX_BACKLOG))
        hub.publish("r", events(1))
        assert await watcher.take() == []
        hub.publish("r", events(1))
        assert await watcher.take() == events(1)

    asyncio.run(main())


def test_end_with_an_error_is_told_after_the_events() -> None:
    async def main() -> None:
        hub = Hub()
        hub.open("r")
        watcher = hub.subscribe("r")
        assert watcher is not None
        hub.publish("r", events(1))
        hub.close("r", StoreError("x"))
        assert await watcher.take() == events(1)
        with pytest.raises(StoreError):
            await watcher.take()

    asyncio.run(main())


def test_hub_knows_what_is_live_and_who_watches() -> None:
    hub = Hub()
    hub.open("r")
    watcher = hub.subscribe("r")
    assert watcher is not None
    assert (hub.run_ids, hub.watchers, hub.carries("r")) == (["r"], 1, True)
    hub.unsubscribe("r", watcher)
    assert hub.watchers == 0
    hub.close("r")
    assert hub.subscribe("r") is None
    assert not hub.carries("r")


def test_tap_sees_the_events_of_every_run() -> None:
    hub = Hub()
    seen: list[int] = []
    hub.tap(lambda _, items: seen.append(len(items)))
    hub.publish("a", events(1))
    hub.publish("b", events(2))
    assert seen == [1, 2]
