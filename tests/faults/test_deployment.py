"""Engines and workers as a cluster runs them: any engine answers for every run, any may be lost.

What is done is counted at the system under test.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rocketship.run.events import Recorded, TestFinished
from rocketship.run.status import Status
from tests.contracts.engine_client import follow, log, said, spec
from tests.fixtures.deployment import Deployment, deployment
from tests.fixtures.fleet import Counted, check_record, client_of, counted
from tests.fixtures.temporal import PATIENCE_SECONDS, TemporalServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(110)]

TESTS = 4


def orders(shop: Counted, run: str) -> Any:
    """Return a run of tests that are left in a step which may be repeated."""
    tests = [
        {
            "name": f"Order {number}",
            "steps": [
                shop.step(f"{run}-pay-{number}", "POST"),
                log(f"{run} paid {number}"),
                shop.step(f"{run}-look"),
                shop.step(f"{run}-ship-{number}", "POST"),
                log(f"{run} shipped {number}"),
            ],
            "cleanup": {"always": [shop.step(f"{run}-tidy-{number}", "POST")]},
        }
        for number in range(TESTS)
    ]
    keys = {
        "init": [shop.step(f"{run}-open", "POST")],
        "cleanup": {"always": [shop.step(f"{run}-close", "POST")]},
    }
    return spec(tests=tests, keys=keys)


def check_told(events: list[Recorded], run: str) -> None:
    """Check that a run has passed, and that everything in it is told once."""
    assert check_record(events).status is Status.PASSED
    told = Counter(line for line in said(events) if line.startswith(run))
    numbers = range(TESTS)
    assert told == Counter(f"{run} {word} {n}" for word in ("paid", "shipped") for n in numbers)
    ends = [item.event.name for item in events if isinstance(item.event, TestFinished)]
    assert len(ends) == len(set(ends))


def test_engine_and_worker_are_killed_and_every_run_is_told_and_done_once(
    tmp_path: Path, database_url: str, temporal_server: TemporalServer
) -> None:
    async def body(whole: Deployment, shop: Counted) -> None:
        one, two = whole.engines
        async with client_of(one) as here, client_of(two) as there:
            for run in ("a", "b"):
                shop.hold(f"{run}-look")
            first = await here.create_run(orders(shop, "a"), {})
            second = await there.create_run(orders(shop, "b"), {})
            at_the_other = asyncio.ensure_future(follow(there, first))
            at_the_lost = asyncio.ensure_future(follow(here, second))
            await looked(shop, TESTS)
            # The first worker is full by now, so the second takes the rest.
            await asyncio.to_thread(whole.worker, ROCKETSHIP_WORKER_SLOTS=str(2 * TESTS))
            await looked(shop, 2 * TESTS)

            one.kill()
            await asyncio.to_thread(whole.workers[0].kill)
            # What the lost worker was in is begun anew by the other one.
            await looked(shop, 3 * TESTS)
            for run in ("a", "b"):
                shop.release(f"{run}-look")

            check_told(await at_the_other, "a")
            check_told(await follow(there, second), "b")
            await asyncio.to_thread(one.start)
            check_told(await at_the_lost, "b")
            assert await follow(here, first) == await at_the_other

    with (
        counted() as shop,
        deployment(tmp_path, database_url, temporal_server) as whole,
    ):
        whole.worker(ROCKETSHIP_WORKER_SLOTS=str(TESTS))
        asyncio.run(body(whole, shop))
        check_done_once(shop)


async def looked(shop: Counted, times: int) -> None:
    """Return once tests of both runs have looked so often."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while shop.done["a-look"] + shop.done["b-look"] < times:
            await asyncio.sleep(0.01)


def check_done_once(shop: Counted) -> None:
    """Check that only what may be repeated was, and only where a worker was lost."""
    looks = shop.done["a-look"] + shop.done["b-look"]
    assert looks == 3 * TESTS, shop.done
    once = {word: times for word, times in shop.done.items() if not word.endswith("-look")}
    assert set(once.values()) == {1}, once
    assert len(once) == 2 * (3 * TESTS + 2)


def test_run_created_at_both_engines_with_one_key_is_one_run(
    tmp_path: Path, database_url: str, temporal_server: TemporalServer
) -> None:
    async def body(whole: Deployment, shop: Counted) -> None:
        one, two = whole.engines
        async with client_of(one) as here, client_of(two) as there:
            given = orders(shop, "a")
            creating = [
                client.create_run(given, {}, idempotency_key="nightly")
                for client in (here, there, here, there)
            ]
            (run_id,) = set(await asyncio.gather(*creating))
            check_told(await follow(there, run_id), "a")
            assert await here.create_run(given, {}, idempotency_key="nightly") == run_id

    with (
        counted() as shop,
        deployment(tmp_path, database_url, temporal_server) as whole,
    ):
        whole.worker()
        asyncio.run(body(whole, shop))
        done = {word: times for word, times in shop.done.items() if word != "a-look"}
        assert set(done.values()) == {1}, done
        assert shop.done["a-look"] == TESTS
