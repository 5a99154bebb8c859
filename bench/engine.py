"""Measures a real engine from outside: what it accepts, streams, carries at once, and costs.

Every engine runs as a process of its own with its own data; this one is its only client.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from engine_process import ROCKETSHIP, Running, start_engine
from measure import Bench, Command
from row import Row
from suites import write_many, write_slow

from rocketship.client.address import parse_address
from rocketship.client.base import EngineClient
from rocketship.client.channel import Endpoint
from rocketship.client.remote import open_remote
from rocketship.run.events import RunFinished, StepFinished
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated import engine_pb2_grpc as pb_grpc
from rocketship.wire.quiet import grpc

#: The rate of a stream is the median of so many.
REPLAYS = 3
PAUSE = b"""{name: bench, tests: [{name: test, steps: [
  {name: wait, plugin: delay, config: {duration: 1s}},
  {name: say, plugin: log, config: {message: hello}}]}]}"""
#: The events of its run: it begins and ends, so do its test and two steps, and each step logs.
EVENTS_OF_A_PAUSE = 10


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    creations: int = 1000
    logged_tests: int = 7000
    slow_steps: int = 100
    runs: int = 500
    rounds: int = 10


QUICK = Scale(creations=200, logged_tests=1000, slow_steps=20, runs=100, rounds=3)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a fraction of everything")
    measure(quick=parser.parse_args().quick)


def measure(*, quick: bool) -> None:
    """Print a table of all figures, row by row as they come."""
    scale = QUICK if quick else Scale()
    print("| what | measured | target | |\n|---|--:|--:|---|")
    with tempfile.TemporaryDirectory() as name:
        for row in _rows(Path(name), scale):
            print(row, flush=True)


def _rows(folder: Path, scale: Scale) -> Iterator[Row]:
    with start_engine(folder / "one", scale.runs) as engine:
        for figures in (_creations, _lines, _delays):
            yield from asyncio.run(figures(engine, folder, scale))
        yield _overhead(engine, folder, scale)
    with start_engine(folder / "many", scale.runs) as engine:
        yield from asyncio.run(_runs(engine, folder, scale))
    yield _stop(folder / "idle", scale)


@asynccontextmanager
async def _client(engine: Running) -> AsyncIterator[EngineClient]:
    endpoint = Endpoint(parse_address(engine.address))
    async with open_remote(endpoint, note=_alarm, warn=_alarm) as client:
        yield client


def _alarm(message: str) -> None:
    raise SystemExit(f"the engine cannot be measured: {message}")


def _spec(path: Path) -> RunSpec:
    return RunSpec(file=path.name, source=path.read_bytes())


async def _creations(engine: Running, folder: Path, scale: Scale) -> list[Row]:
    spec = _spec(write_many(folder / "one.yaml", 1))
    rows = []
    async with _client(engine) as client:
        for at_once in (1, 16):
            count = scale.creations // at_once
            begun = perf_counter()
            took = await asyncio.gather(*(_create(client, spec, count) for _ in range(at_once)))
            rate = count * at_once / (perf_counter() - begun)
            name = f"CreateRun, {at_once} at once"
            rows.append(Row(name, rate, "/s", 200, at_least=True))
            rows += _percentiles(name, sum(took, []), 100)
    return rows


async def _create(client: EngineClient, spec: RunSpec, count: int) -> list[float]:
    took = []
    for _ in range(count):
        begun = perf_counter()
        await client.create_run(spec, {})
        took.append(perf_counter() - begun)
    return took


async def _lines(engine: Running, folder: Path, scale: Scale) -> list[Row]:
    spec = _spec(write_many(folder / "lines.yaml", scale.logged_tests))
    target = engine.address.removeprefix("http://")
    async with _client(engine) as client, grpc.aio.insecure_channel(target) as channel:
        stub = pb_grpc.EngineStub(channel)  # type: ignore[no-untyped-call]
        run_id = await client.create_run(spec, {})
        async for _ in client.watch(run_id):
            pass
        request = pb.LogStreamRequest(run_id=run_id)
        return [
            await _replay("StreamLogs, stored lines", lambda: stub.StreamLogs(request)),
            await _replay("WatchRun, stored events", lambda: client.watch(run_id)),
        ]


async def _replay(name: str, stream: Callable[[], AsyncIterable[object]]) -> Row:
    rates = []
    for _ in range(REPLAYS):
        begun = perf_counter()
        count = sum([1 async for _ in stream()])
        rates.append(count / (perf_counter() - begun))
    return Row(f"{name} ({count})", statistics.median(rates), "/s", 10_000, at_least=True)


async def _delays(engine: Running, folder: Path, scale: Scale) -> list[Row]:
    spec = _spec(write_slow(folder / "slow.yaml", scale.slow_steps))
    async with _client(engine) as client:
        run_id = await client.create_run(spec, {})
        delays = [
            time.time() - item.event.at
            async for item in client.watch(run_id)
            if isinstance(item.event, StepFinished)
        ]
    assert len(delays) == scale.slow_steps, "not every step was told"
    return _percentiles("end of a step to the client", delays, 50)


async def _complete(client: EngineClient) -> bool:
    """Watch a run; return whether it passed and every event came exactly once, in order."""
    run_id = await client.create_run(RunSpec(file="pause.yaml", source=PAUSE), {})
    events = [item async for item in client.watch(run_id)]
    numbers = [item.seq for item in events]
    ends = [item.event.status for item in events if isinstance(item.event, RunFinished)]
    return numbers == list(range(1, EVENTS_OF_A_PAUSE + 1)) and ends == [Status.PASSED]


async def _runs(engine: Running, folder: Path, scale: Scale) -> list[Row]:
    begun = perf_counter()
    async with _client(engine) as client:
        complete = await asyncio.gather(*(_complete(client) for _ in range(scale.runs)))
    took = perf_counter() - begun
    name = f"{scale.runs} runs of 1 s, watched"
    return [
        Row(f"{name}: incomplete", complete.count(False), "runs", 0),
        Row(f"{name}: all ended", took, "s"),
        Row(f"{name}: memory at most", engine.peak_mib, "MiB", 400),
    ]


def _overhead(engine: Running, folder: Path, scale: Scale) -> Row:
    (folder / "client").mkdir()
    suite = str(folder / "one.yaml")
    run = [ROCKETSHIP, "run", suite, "--output", "plain"]
    commands = [Command("embedded", run), Command("remote", [*run, "--engine", engine.address])]
    figures = Bench(folder / "client").compare(commands, scale.rounds)
    more = figures["remote"].wall_ms - figures["embedded"].wall_ms
    return Row(f"remote run, above {figures['embedded'].wall_ms:.0f} ms embedded", more, "ms", 150)


def _stop(folder: Path, scale: Scale) -> Row:
    took = []
    for _ in range(scale.rounds):
        with start_engine(folder, scale.runs) as engine:
            begun = perf_counter()
            engine.process.terminate()
            engine.process.wait()
            took.append(perf_counter() - begun)
            assert engine.process.returncode == 0, "the engine did not stop in order"
    return Row("SIGTERM to the end, idle", statistics.median(took) * 1000, "ms", 500)


def _percentiles(name: str, seconds: list[float], limit: float) -> list[Row]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return [
        Row(f"{name}: p50", cuts[49] * 1000, "ms"),
        Row(f"{name}: p99", cuts[98] * 1000, "ms", limit),
    ]


if __name__ == "__main__":
    main()
