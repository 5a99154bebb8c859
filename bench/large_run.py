"""Measures how long others wait for an engine that is busy with one very large run.

While the run is created, carried out and looked at in every way, a second client asks for the
engine's health, again and again. What it waits is what a probe, or a step of another run, waits.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from urllib.request import urlopen

from engine_process import Running, start_engine
from row import Row
from suites import write_many

from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated import engine_pb2_grpc as pb_grpc
from rocketship.wire.quiet import grpc

STEPS = 10
ASK_EVERY_SECONDS = 0.005
REPORTS = ("html", "json", "junit")
MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class Scale:
    """How large the run is."""

    tests: int = 2500


QUICK = Scale(tests=250)


def measure(*, quick: bool) -> None:
    """Print a table of all figures, row by row as they come."""
    scale = QUICK if quick else Scale()
    print("| what | measured | target | |\n|---|--:|--:|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        suite = write_many(folder / "large.yaml", scale.tests, STEPS).read_bytes()
        with start_engine(folder / "engine", 100) as engine:
            asyncio.run(_measure(engine, suite))


async def _measure(engine: Running, suite: bytes) -> None:
    async with _stub(engine, "run") as stub, _stub(engine, "probe") as probe:
        watched = partial(_wait_of_others, probe)
        # Without its variables, as clients of the original send it.
        request = pb.CreateRunRequest(yaml_payload=suite)
        run_id = (await watched("created", lambda: stub.CreateRun(request))).run_id
        watch = pb.WatchRunRequest(run_id=run_id, batched=True)
        await watched("carried out", lambda: _drain(stub.WatchRun(watch)))
        get = pb.GetRunRequest(run_id=run_id, with_events=True)
        await watched("got with its events", lambda: stub.GetRun(get))
        pages = {"its page": "", "its log": "/log"}
        pages |= {f"its {name} report": f"/report?format={name}" for name in REPORTS}
        for what, path in pages.items():
            url = f"http://{engine.http.removeprefix('http://')}/runs/{run_id}{path}"
            await watched(what, partial(asyncio.to_thread, _fetch, url))


@asynccontextmanager
async def _stub(engine: Running, purpose: str) -> AsyncIterator[pb_grpc.EngineStub]:
    # Channels alike in every option would be one connection.
    options = [("grpc.max_receive_message_length", MAX_BYTES), ("grpc.primary_user_agent", purpose)]
    address = engine.address.removeprefix("http://")
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        yield pb_grpc.EngineStub(channel)


async def _wait_of_others(
    probe: pb_grpc.EngineStub, what: str, work: Callable[[], Awaitable[object]]
) -> object:
    """Do work, and print how long the answers took that others got meanwhile."""
    waits: list[float] = []
    working = asyncio.ensure_future(work())
    while not working.done():
        begun = perf_counter()
        await probe.Health(pb.HealthRequest())
        waits.append((perf_counter() - begun) * 1000)
        await asyncio.sleep(ASK_EVERY_SECONDS)
    waits.sort()
    print(Row(f"{what}: others wait, p99", waits[int(len(waits) * 0.99)], "ms", 50), flush=True)
    print(Row(f"{what}: others wait, longest", waits[-1], "ms"), flush=True)
    return working.result()


async def _drain(stream: AsyncIterable[object]) -> None:
    async for _ in stream:
        pass


def _fetch(url: str) -> int:
    with urlopen(url) as reply:
        return len(reply.read())
