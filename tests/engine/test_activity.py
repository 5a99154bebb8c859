from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from rocketship.engine.activity import Activity, RunProgress
from rocketship.engine.assemble import Engine, open_engine
from rocketship.plugins.registry import Registry
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.settings.engine import engine_settings
from tests.contracts.engine_client import log, spec, wait


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[Engine]:
    settings = engine_settings({"ROCKETSHIP_DATA_DIR": str(folder)}, default_recovery="resume")
    async with open_engine(settings, Registry()) as opened:
        yield opened


async def until_ended(activity: Activity, run_id: str) -> list[RunProgress]:
    """Return everything a watcher is told of a run, to its end."""
    told = []
    async with asyncio.timeout(10), aclosing(activity.watch()) as news:
        async for items in news:
            told += [item for item in items if item.record.id == run_id]
            if told and told[-1].record.status.finished:
                break
    return told


def test_watcher_sees_a_run_that_goes_on_and_its_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with engine(tmp_path) as opened:
            run_id = await opened.service.create_run(spec(wait(), name="Shop"), {})
            async with asyncio.timeout(10), aclosing(opened.activity.watch()) as news:
                async for items in news:
                    if any(item.doing == ("first › Wait",) for item in items):
                        break
            watching = asyncio.create_task(until_ended(opened.activity, run_id))
            await opened.service.cancel_run(run_id, reason="enough")
            told = await watching
            assert told[-1].record.status is Status.CANCELLED
            assert told[-1].record.totals.cancelled == 1
            assert told[-1].doing == ()

    asyncio.run(main())


def test_watcher_hears_of_runs_that_begin_later(tmp_path: Path) -> None:
    async def main() -> None:
        async with engine(tmp_path) as opened, aclosing(opened.activity.watch()) as news:
            assert await anext(news) == []
            run_id = await opened.service.create_run(spec(log("hello")), {})
            async with asyncio.timeout(10):
                items = await anext(news)
                while not items[-1].record.status.finished:
                    items = await anext(news)
            assert [(item.record.id, item.record.totals.passed) for item in items] == [(run_id, 1)]

    asyncio.run(main())


def test_slow_watcher_gets_the_latest_of_each_run_only(tmp_path: Path) -> None:
    async def main() -> None:
        async with engine(tmp_path) as opened, aclosing(opened.activity.watch()) as slow:
            assert await anext(slow) == []
            fast = asyncio.create_task(_ends(opened.activity, 20))
            await asyncio.sleep(0)
            for number in range(20):
                await opened.service.create_run(_quick(number), {})
            ids = await fast
            items = await anext(slow)
            assert len({item.record.id for item in items}) == len(items) <= len(ids) == 20

    asyncio.run(main())


def _quick(number: int) -> RunSpec:
    return spec(log("hello"), name=f"suite {number}")


async def _ends(activity: Activity, count: int) -> set[str]:
    ended: set[str] = set()
    async with asyncio.timeout(20), aclosing(activity.watch()) as news:
        async for items in news:
            ended |= {item.record.id for item in items if item.record.status.finished}
            if len(ended) == count:
                break
    return ended
