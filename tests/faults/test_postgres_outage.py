"""PostgreSQL killed, cut off or full under runs: they wait, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rocketship.errors import StoreError
from rocketship.run.status import Status
from rocketship.store.base import RunFilter
from rocketship.store.postgres.leases import LEASE_SECONDS
from tests.client import stand_ins
from tests.contracts.engine_client import follow, log, said, spec
from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.fleet import Counted, check_record, client_of, counted, engines
from tests.fixtures.postgres import Cluster, own_cluster

pytestmark = pytest.mark.slow

BACK_SECONDS = 10.0
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON event EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Cluster]:
    """A PostgreSQL server of the test's own, which it may kill."""
    with own_cluster() as cluster:
        yield cluster


def ready(engine: EngineProcess) -> tuple[int, dict[str, str]]:
    url = f"http://127.0.0.1:{engine.http_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            return response.status, json.load(response)["dependencies"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["dependencies"]


def busy(shop: Counted, lines: int = 20) -> Any:
    """Return a run that goes on for seconds, and does a thing once before each of its lines."""
    pause = {"name": "Wait", "plugin": "delay", "config": {"duration": "100ms"}}
    numbered = range(lines)
    return spec(
        *(step for n in numbered for step in (shop.step("do", "POST"), pause, log(f"line {n}")))
    )


def lines_of(events: list[Any]) -> list[str]:
    return [line for line in said(events) if line.startswith("line")]


def test_killed_postgres_delays_runs_and_nothing_else(tmp_path: Path, server: Cluster) -> None:
    runs, lines = 6, 20

    async def body(fleet: list[EngineProcess], shop: Counted) -> None:
        async with client_of(fleet[0]) as one, client_of(fleet[1]) as two:
            run_ids = [await one.create_run(busy(shop, lines), {}) for _ in range(runs)]
            watching = [asyncio.ensure_future(follow(two, run_id)) for run_id in run_ids]
            await shop.until("do", runs * 3)
            await asyncio.to_thread(server.kill)

            async with client_of(fleet[0], retry_seconds=0) as hasty:
                with pytest.raises(StoreError, match="PostgreSQL") as caught:
                    await hasty.list_runs(RunFilter())
            assert "tr0ub4dor" not in str(caught.value)
            assert await asyncio.to_thread(ready, fleet[0]) == (
                503,
                {"store": "failed", "runtime": "ok", "grpc": "ok"},
            )
            done = shop.done["do"]
            await asyncio.to_thread(server.start)
            back = time.monotonic()
            await shop.until("do", done + 1)
            assert time.monotonic() - back < BACK_SECONDS

            for events in await asyncio.gather(*watching):
                assert check_record(events).status is Status.PASSED
                assert lines_of(events) == [f"line {n}" for n in range(lines)]
            assert shop.done["do"] == runs * lines
            assert (await asyncio.to_thread(ready, fleet[0]))[0] == 200

    with counted() as shop, engines(tmp_path, server.url("postgres"), 2) as fleet:
        asyncio.run(body(fleet, shop))
        # Both lived on, so nobody's run was taken away.
        assert "run_adopted" not in fleet[0].log + fleet[1].log
        for engine in fleet:
            assert engine.log.count("notifications_lost") == 1
            assert engine.log.count("notifications_back") == 1


def test_engine_waits_for_postgres_at_its_start(tmp_path: Path, server: Cluster) -> None:
    server.stop()

    async def body() -> None:
        starting = asyncio.create_task(asyncio.to_thread(start.__enter__))
        await asyncio.sleep(1)
        assert not starting.done()
        await asyncio.to_thread(server.start)
        (engine,) = await starting
        async with client_of(engine) as client:
            run_id = await client.create_run(spec(log("a")), {})
            assert check_record(await follow(client, run_id)).status is Status.PASSED

    start = engines(tmp_path, server.url("postgres"), 1)
    try:
        asyncio.run(body())
    finally:
        start.__exit__(None, None, None)


class Cable:
    """The way to PostgreSQL; `cut` swallows everything, in silence, as a lost network does."""

    def __init__(self, port: int) -> None:
        self.cut = False
        self._port = port

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(reader, back))
            group.create_task(self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if not self.cut:
                    writer.write(data)
                    await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


def test_engine_cut_off_from_postgres_loses_its_runs_to_another(
    tmp_path: Path, postgres_cluster: Cluster, database: str
) -> None:
    async def body(shop: Counted) -> None:
        cable = Cable(postgres_cluster.port)
        async with stand_ins.tcp(cable.carry) as port:
            far = engines(tmp_path / "far", postgres_cluster.url(database, port=port), 1)
            near = engines(tmp_path / "near", postgres_cluster.url(database), 1)
            (one,) = await asyncio.to_thread(far.__enter__)
            (two,) = await asyncio.to_thread(near.__enter__)
            try:
                await part(cable, one, two, shop)
            finally:
                cable.cut = False
                await asyncio.to_thread(far.__exit__, None, None, None)
                await asyncio.to_thread(near.__exit__, None, None, None)

    async def part(cable: Cable, one: EngineProcess, two: EngineProcess, shop: Counted) -> None:
        async with client_of(one) as cut_off, client_of(two) as client:
            shop.hold("look")
            steps = (shop.step("pay", "POST"), shop.step("look"), shop.step("ship", "POST"))
            run_id = await cut_off.create_run(spec(*steps), {})
            await shop.until("look")
            cable.cut = True
            begun = time.monotonic()
            await shop.until("look", 2)
            assert time.monotonic() - begun < LEASE_SECONDS + BACK_SECONDS
            shop.release("look")
            events = await follow(client, run_id)
            assert check_record(events).status is Status.PASSED
            cable.cut = False
            while "lease_lost" not in one.log:
                await asyncio.sleep(0.05)
            assert await follow(cut_off, run_id) == events
            assert (shop.done["pay"], shop.done["ship"]) == (1, 1)

    with counted() as shop:
        asyncio.run(body(shop))


def test_full_disk_of_postgres_is_waited_out(
    tmp_path: Path, postgres_cluster: Cluster, database: str
) -> None:
    async def body(engine: EngineProcess, shop: Counted) -> None:
        async with client_of(engine) as client, client_of(engine, retry_seconds=0) as hasty:
            run_id = await client.create_run(busy(shop, 10), {})
            await shop.until("do", 2)
            await asyncio.to_thread(postgres_cluster.execute, REFUSE, database)
            with pytest.raises(StoreError, match="has no space left"):
                await hasty.create_run(spec(log("a")), {})
            await asyncio.to_thread(
                postgres_cluster.execute, "DROP TRIGGER full_disk ON event", database
            )
            events = await follow(client, run_id)
            assert check_record(events).status is Status.PASSED
            assert shop.done["do"] == 10

    with counted() as shop, engines(tmp_path, postgres_cluster.url(database), 1) as (engine,):
        asyncio.run(body(engine, shop))


def test_engine_stops_in_time_although_its_database_is_away(
    tmp_path: Path, server: Cluster
) -> None:
    async def body(engine: EngineProcess, shop: Counted) -> None:
        async with client_of(engine) as client:
            run_id = await client.create_run(busy(shop, 10), {})
            await shop.until("do", 2)
            await asyncio.to_thread(server.kill)
            begun = time.monotonic()
            assert await asyncio.to_thread(engine.stop) == 0
            assert time.monotonic() - begun < 25
            done = shop.done["do"]
            await asyncio.to_thread(server.start)
            await asyncio.to_thread(engine.start)
            end = check_record(await follow(client, run_id))
            # Where it was cut off, a step was done whose end could not be recorded.
            assert end.status in (Status.PASSED, Status.FAILED)
            assert done <= shop.done["do"] <= 10

    with counted() as shop, engines(tmp_path, server.url("postgres"), 1) as (engine,):
        asyncio.run(body(engine, shop))
