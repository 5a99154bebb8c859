"""A clock that is put an hour forward or back in the middle of a run."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rocketship.run.status import Status
from rocketship.values import Json
from tests.contracts.engine_client import follow, spec
from tests.contracts.engine_client import log as say
from tests.fixtures.fleet import check_record, client_of, counted, engines
from tests.fixtures.wall_clock import WallClock
from tests.fixtures.workbench import Workbench, case, log, suite

HOUR_SECONDS = 3600
#: Far more than a test takes, and far less than the clock is put wrong.
LONG_SECONDS = 600
#: Passes at the third attempt; the waits between them are those of the step before the jump.
FLAKY = 'test -e "{0}-2" || {{ test -e "{0}-1" && touch "{0}-2"; touch "{0}-1"; exit 1; }}'


@pytest.fixture(params=[HOUR_SECONDS, -HOUR_SECONDS], ids=["forward", "back"])
def jump(request: pytest.FixtureRequest) -> int:
    seconds: int = request.param
    return seconds


def write_suite(bench: Workbench) -> None:
    flaky = bench.say("flaky", FLAKY.format(bench.folder / "tried"))
    flaky["retry"] = {"initial_interval": "50ms", "maximum_attempts": 3}
    pause = {"name": "Pause", "plugin": "delay", "config": {"duration": "20ms"}}
    held = bench.hold("held", timeout="10m")
    cleanup = {"always": [bench.say("tidy"), pause]}
    steps = [log("before"), held, flaky, pause, log("after")]
    test = case("A", *steps, timeout="20m", cleanup=cleanup)
    closing = {"always": [bench.say("close")]}
    bench.write("shop.yaml", suite(test, timeout="30m", cleanup=closing))


def durations(value: Json) -> Iterator[float]:
    """Yield every duration in a report."""
    for item in value if isinstance(value, list) else []:
        yield from durations(item)
    for name, item in value.items() if isinstance(value, dict) else ():
        if name.endswith("_seconds") and isinstance(item, float | int):
            yield item
        yield from durations(item)


def test_run_goes_on_by_the_clock_that_nobody_puts(
    bench: Workbench, wall_clock: WallClock, jump: int
):
    bench.write("earlier.yaml", suite(case("A", log("a"))))
    clock = {**wall_clock.environment, "ROCKETSHIP_RETENTION_DAYS": "1"}
    bench.run("run", "earlier.yaml", env=clock)
    write_suite(bench)
    reports = [f"--report={name}=report.{name}" for name in ("json", "junit", "html")]
    running = bench.start("run", "shop.yaml", "--timestamp", *reports, env=clock)
    bench.wait_for("held")

    wall_clock.put(jump)
    bench.release("held")
    ended = running.end()

    assert (ended.code, ended.err) == (0, "")
    assert bench.words() == ["held", "flaky", "flaky", "flaky", "tidy", "close"]
    report: dict[str, Any] = json.loads((bench.folder / "report.json").read_text())
    took = list(durations(report))
    assert len(took) > 10
    assert all(0 <= seconds < LONG_SECONDS for seconds in took), took
    (run,) = report["runs"]
    seemed = datetime.fromisoformat(run["ended_at"]) - datetime.fromisoformat(run["started_at"])
    assert abs(seemed.total_seconds() - jump) < LONG_SECONDS
    bench.check_told_once(run["run_id"])


def test_jump_deletes_no_run_and_hides_none(bench: Workbench, wall_clock: WallClock, jump: int):
    clock = {**wall_clock.environment, "ROCKETSHIP_RETENTION_DAYS": "1"}
    bench.write("shop.yaml", suite(case("A", log("a"))))
    bench.run("run", "shop.yaml", env=clock)

    wall_clock.put(jump)
    bench.run("run", "shop.yaml", env=clock)
    listed = bench.run("list", "--format", "json", env=clock)

    assert (listed.code, listed.err) == (0, "")
    assert [run["status"] for run in json.loads(listed.out)["runs"]] == ["PASSED"] * 2


def test_run_of_a_lost_process_ends_after_a_jump(
    bench: Workbench, wall_clock: WallClock, jump: int
):
    write_suite(bench)
    running = bench.start("run", "shop.yaml", env=wall_clock.environment)
    bench.wait_for("held")
    running.kill()

    wall_clock.put(jump)
    ended = bench.run("list", env=wall_clock.environment)

    # Between two processes there is no other clock: half an hour seems to be over, or nothing is.
    verdict = "TIMEOUT" if jump > 0 else "FAILED"
    assert (ended.code, f"has ended: {verdict}" in ended.err) == (0, True)
    assert bench.words() == ["held", "tidy", "close"]
    (run_id,) = bench.run_ids()
    bench.check_told_once(run_id)


async def beats(url: str, count: int) -> None:
    """Return once every engine has said so often that it lives."""
    seen: dict[str, set[Any]] = {}
    async with asyncio.timeout(30), await psycopg.AsyncConnection.connect(url) as connection:
        while len(seen) < 2 or min(map(len, seen.values())) <= count:
            rows = await (await connection.execute("SELECT name, seen_at FROM engine")).fetchall()
            await connection.commit()
            for name, at in rows:
                seen.setdefault(name, set()).add(at)
            await asyncio.sleep(0.05)


@pytest.mark.slow
def test_engine_whose_clock_is_put_keeps_its_lease_and_its_runs(
    tmp_path: Path, database_url: str, wall_clock: WallClock, jump: int
):
    """The other engine has the right time, and must not take for lost what goes on."""

    async def body(one: Any, two: Any, shop: Any) -> None:
        async with client_of(one) as here, client_of(two) as there:
            shop.hold("look")
            steps = [shop.step("pay", "POST"), shop.step("look"), say("seen")]
            cleanup = {"always": [shop.step("tidy", "POST")]}
            test = {"name": "Order", "steps": steps, "cleanup": cleanup, "timeout": "20m"}
            run_id = await here.create_run(spec(tests=[test]), {})
            await shop.until("look")

            wall_clock.put(jump)
            await beats(database_url, 3)
            shop.release("look")

            end = check_record(await follow(there, run_id))
            assert end.status is Status.PASSED
            assert abs(end.at - time.time() - jump) < LONG_SECONDS
            assert 0 <= end.duration_seconds < LONG_SECONDS
            assert await follow(here, run_id) == await follow(there, run_id)
        assert shop.done == {"pay": 1, "look": 1, "tidy": 1}

    with counted() as shop:
        clock = dict(wall_clock.environment)
        with (
            engines(tmp_path / "wrong", database_url, 1, clock) as (one,),
            engines(tmp_path / "right", database_url, 1) as (two,),
        ):
            asyncio.run(body(one, two, shop))
