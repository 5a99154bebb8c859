"""Several engines on one database: any answers for all, and no loss of one is a loss of runs."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from rocketship.engine.peers.fleet import BEAT_SECONDS
from rocketship.run.events import LogEmitted, RunStarted
from rocketship.run.status import Status
from rocketship.store.base import RunFilter
from rocketship.store.postgres.leases import LEASE_SECONDS
from rocketship.store.postgres.migrate import migrations
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated.engine_pb2_grpc import EngineStub
from rocketship.wire.quiet import grpc
from tests.contracts.engine_client import follow, log, said, spec
from tests.fixtures.cli import run_cli
from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.fleet import Counted, check_record, client_of, counted, engines
from tests.fixtures.nginx import nginx
from tests.fixtures.postgres import Cluster

pytestmark = pytest.mark.slow

#: What is promised for an engine that is lost.
BACK_SECONDS = 10.0


def careful(shop: Counted, **changes: Any) -> Any:
    """Return a run that is left in a step which may be repeated, with cleanup that may not."""
    steps = [shop.step("pay", "POST"), shop.step("look"), log("seen"), shop.step("ship", "POST")]
    cleanup = {"always": [shop.step("close", "POST")]}
    test = {"name": "Order", "steps": steps, "cleanup": {"always": [shop.step("tidy", "POST")]}}
    return spec(tests=[test], keys={"cleanup": cleanup}, **changes)


ONCE = {"pay": 1, "ship": 1, "tidy": 1, "close": 1}


async def wait_for_cleanup(engine: EngineProcess) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{engine.grpc_port}") as channel:
        stub: Any = EngineStub(channel)
        await stub.WaitForCleanup(pb.WaitForCleanupRequest(timeout_seconds=20))


async def add_log(engine: EngineProcess, run_id: str, message: str) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{engine.grpc_port}") as channel:
        stub: Any = EngineStub(channel)
        await stub.AddLog(pb.AddLogRequest(run_id=run_id, message=message), timeout=30)


def test_any_engine_answers_for_the_runs_of_another(tmp_path: Path, database_url: str) -> None:
    async def body(one: EngineProcess, two: EngineProcess, shop: Counted) -> None:
        async with client_of(one) as here, client_of(two) as there:
            shop.hold("look")
            run_id = await here.create_run(careful(shop), {})
            await shop.until("look")
            watching = asyncio.ensure_future(follow(there, run_id))

            assert (await there.get_run(run_id[:12])).record.status is Status.RUNNING
            assert [run.id for run in (await there.list_runs(RunFilter())).runs] == [run_id]
            cleaned = asyncio.ensure_future(wait_for_cleanup(two))
            done = await there.cancel_run(run_id, reason="changed my mind")

            assert done.stopped
            events = await watching
            end = check_record(events)
            assert (end.status, end.message) == (Status.CANCELLED, "changed my mind")
            assert await follow(here, run_id) == events
            assert {word: shop.done[word] for word in ONCE} == {**ONCE, "ship": 0}
            await cleaned
            assert await there.delete_run(run_id) == run_id
            assert (await here.list_runs(RunFilter())).total == 0

    with counted() as shop, engines(tmp_path, database_url, 2) as (one, two):
        asyncio.run(body(one, two, shop))


def test_line_of_a_worker_elsewhere_is_taken_by_any_engine_and_stored_once(
    tmp_path: Path, database_url: str
) -> None:
    async def body(fleet: list[EngineProcess], shop: Counted) -> None:
        async with client_of(fleet[1]) as client:
            shop.hold("look")
            run_id = await client.create_run(careful(shop), {})
            await shop.until("look")
            for engine in fleet:
                await add_log(engine, run_id, f"from {engine.grpc_port}")
            shop.release("look")
            events = await follow(client, run_id)

            assert check_record(events).status is Status.PASSED
            told = [line for line in said(events) if line.startswith("from")]
            assert told == [f"from {engine.grpc_port}" for engine in fleet]
            for engine in fleet:
                with pytest.raises(grpc.aio.AioRpcError) as late:
                    await add_log(engine, run_id, "late")
                assert late.value.code() is grpc.StatusCode.FAILED_PRECONDITION
            assert await follow(client, run_id) == events

    with counted() as shop, engines(tmp_path, database_url, 3) as fleet:
        asyncio.run(body(fleet, shop))


def test_line_outlives_the_engine_that_was_to_store_it(tmp_path: Path, database_url: str) -> None:
    async def body(one: EngineProcess, two: EngineProcess, shop: Counted) -> None:
        async with client_of(one) as here, client_of(two) as there:
            shop.hold("look")
            run_id = await here.create_run(careful(shop), {})
            await shop.until("look")
            os.kill(one.pid, signal.SIGSTOP)
            adding = asyncio.ensure_future(add_log(two, run_id, "from afar"))
            await shop.until("look", 2)
            one.kill()
            await adding
            shop.release("look")
            events = await follow(there, run_id)

            assert check_record(events).status is Status.PASSED
            assert said(events).count("from afar") == 1

    with counted() as shop, engines(tmp_path, database_url, 2) as (one, two):
        asyncio.run(body(one, two, shop))


def test_line_reaches_a_watcher_at_another_engine_at_once(
    tmp_path: Path, database_url: str
) -> None:
    async def body(one: EngineProcess, two: EngineProcess) -> list[float]:
        async with client_of(one) as here, client_of(two) as there:
            pause = {"name": "Wait", "plugin": "delay", "config": {"duration": "50ms"}}
            steps = [step for n in range(20) for step in (pause, log(f"line {n}"))]
            run_id = await here.create_run(spec(*steps), {})
            delays = []
            async for item in there.watch(run_id):
                event = item.event
                if isinstance(event, LogEmitted) and event.message.startswith("line"):
                    delays.append(time.time() - event.at)
            return sorted(delays)

    with engines(tmp_path, database_url, 2) as (one, two):
        delays = asyncio.run(body(one, two))
    assert len(delays) == 20
    # Typically 5 ms; the look that heals missed notifications comes after 2 s only.
    assert delays[len(delays) // 2] < 0.5


def test_runs_of_a_killed_engine_are_finished_by_exactly_one_other(
    tmp_path: Path, database_url: str
) -> None:
    async def body(fleet: list[EngineProcess], shop: Counted) -> None:
        async with client_of(fleet[1]) as client, client_of(fleet[0]) as lost:
            shop.hold("look")
            run_id = await lost.create_run(careful(shop), {})
            await shop.until("look")
            watching = asyncio.ensure_future(follow(client, run_id))
            fleet[0].kill()
            killed = time.monotonic()
            await shop.until("look", 2)
            assert time.monotonic() - killed < BACK_SECONDS
            shop.release("look")
            assert check_record(events := await watching).status is Status.PASSED
            assert said(events) == ["seen"]
            assert {word: shop.done[word] for word in ONCE} == ONCE

    with counted() as shop, engines(tmp_path, database_url, 4) as fleet:
        asyncio.run(body(fleet, shop))
        assert sum(engine.log.count("run_adopted") for engine in fleet[1:]) == 1


def test_frozen_engine_changes_nothing_once_its_run_was_adopted(
    tmp_path: Path, database_url: str
) -> None:
    async def body(frozen: EngineProcess, other: EngineProcess, shop: Counted) -> None:
        async with client_of(other) as client, client_of(frozen) as there:
            shop.hold("look")
            run_id = await there.create_run(careful(shop), {})
            await shop.until("look")
            watching = asyncio.ensure_future(follow(there, run_id))
            os.kill(frozen.pid, signal.SIGSTOP)
            try:
                await shop.until("look", 2)
            finally:
                os.kill(frozen.pid, signal.SIGCONT)
            # Both engines get the answer they wait for, and only one goes on.
            shop.release("look")

            events = await follow(client, run_id)
            assert check_record(events).status is Status.PASSED
            assert {word: shop.done[word] for word in ONCE} == ONCE
            assert await watching == events
            # Under another name it goes on to be an engine.
            while "lease_lost" not in frozen.log:
                await asyncio.sleep(0.05)
            again = await there.create_run(spec(log("alive")), {})
            assert check_record(await follow(there, again)).status is Status.PASSED
            assert await follow(client, run_id) == events

    with counted() as shop, engines(tmp_path, database_url, 2) as (frozen, other):
        asyncio.run(body(frozen, other, shop))


def test_engine_that_stops_hands_its_runs_on_at_once(tmp_path: Path, database_url: str) -> None:
    async def body(one: EngineProcess, two: EngineProcess, shop: Counted) -> None:
        async with client_of(one) as here, client_of(two) as there:
            shop.hold("look")
            run_id = await here.create_run(careful(shop), {})
            await shop.until("look")
            assert await asyncio.to_thread(one.stop) == 0
            stopped = time.monotonic()
            await shop.until("look", 2)
            assert time.monotonic() - stopped < LEASE_SECONDS - BEAT_SECONDS
            shop.release("look")
            assert check_record(await follow(there, run_id)).status is Status.PASSED
            assert {word: shop.done[word] for word in ONCE} == ONCE

    with counted() as shop, engines(tmp_path, database_url, 2) as (one, two):
        asyncio.run(body(one, two, shop))


def test_cancellation_outlives_the_engine_that_was_to_do_it(
    tmp_path: Path, database_url: str
) -> None:
    async def body(one: EngineProcess, two: EngineProcess, shop: Counted) -> None:
        async with client_of(one) as here, client_of(two) as there:
            shop.hold("look")
            run_id = await here.create_run(careful(shop), {})
            await shop.until("look")
            one.kill()
            assert (await there.cancel_run(run_id, reason="enough")).stopped
            end = check_record(await follow(there, run_id))
            assert (end.status, end.message) == (Status.CANCELLED, "enough")
            assert shop.done["tidy"] == shop.done["close"] == 1
            assert shop.done["ship"] == 0

    with counted() as shop, engines(tmp_path, database_url, 2) as (one, two):
        asyncio.run(body(one, two, shop))


def test_rolling_restart_under_load_loses_no_line_and_no_verdict(
    tmp_path: Path, database_url: str
) -> None:
    runs, lines = 12, 30
    pause = {"name": "Wait", "plugin": "delay", "config": {"duration": "200ms"}}
    steps = [step for n in range(lines) for step in (pause, log(f"line {n}"))]

    async def restart(fleet: list[EngineProcess]) -> None:
        for engine in fleet:
            assert await asyncio.to_thread(engine.stop) == 0
            await asyncio.to_thread(engine.start)

    async def body(fleet: list[EngineProcess], port: int) -> None:
        edge = EngineProcess(tmp_path)
        edge.grpc_port = port
        async with client_of(edge) as client:
            run_ids = [await client.create_run(spec(*steps), {}) for _ in range(runs)]
            restarting = asyncio.ensure_future(restart(fleet))
            for events in await asyncio.gather(*(follow(client, run_id) for run_id in run_ids)):
                assert isinstance(events[0].event, RunStarted)
                assert check_record(events).status is Status.PASSED
                told = [line for line in said(events) if line.startswith("line")]
                assert told == [f"line {n}" for n in range(lines)]
            await restarting

    with engines(tmp_path, database_url, 3) as fleet:
        servers = " ".join(f"server 127.0.0.1:{engine.grpc_port};" for engine in fleet)
        upstream = f"upstream engines {{ {servers} }}"
        pass_on = "grpc_next_upstream error timeout http_503 non_idempotent;"
        server = f"listen 127.0.0.1:PORT http2; location / {{ grpc_pass engines; {pass_on} }}"
        with nginx(tmp_path / "nginx", server, before=upstream) as port:
            asyncio.run(body(fleet, port))


def test_engines_that_start_at_once_migrate_once(
    tmp_path: Path, postgres_cluster: Cluster, database: str
) -> None:
    with engines(tmp_path, postgres_cluster.url(database), 4):
        versions = postgres_cluster.execute("SELECT version FROM schema_version", database)
        assert versions == [(number,) for number in range(1, len(migrations()) + 1)]


def test_engine_with_another_key_than_the_first_is_refused_at_its_start(
    tmp_path: Path, database_url: str
) -> None:
    env = {
        "ROCKETSHIP_DATABASE_URL": database_url,
        "ROCKETSHIP_ENCRYPTION_KEY": "a stranger's key",
        "ROCKETSHIP_DATA_DIR": str(tmp_path / "other"),
        "ROCKETSHIP_ENGINE_GRPC_ADDRESS": "127.0.0.1:0",
        "ROCKETSHIP_ENGINE_HTTP_ADDRESS": "127.0.0.1:0",
    }

    with engines(tmp_path, database_url, 1):
        ended = run_cli(["engine"], cwd=tmp_path, home=tmp_path / "home", env=env)

    assert ended.returncode == 3
    assert "the encryption key is not the one what is secret in the PostgreSQL" in ended.stderr
    assert "hint: give this engine the ROCKETSHIP_ENCRYPTION_KEY of the others" in ended.stderr
    assert "stranger" not in ended.stderr
