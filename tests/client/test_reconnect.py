"""Connections that are lost in the middle of something, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rocketship.client.address import Address
from rocketship.client.channel import Endpoint
from rocketship.client.connection import Backoff
from rocketship.client.remote import open_remote
from rocketship.errors import NotFound, Unreachable
from rocketship.run.events import LogEmitted, Recorded, RunFinished
from rocketship.run.ids import new_run_id
from rocketship.run.status import Status
from rocketship.store.base import RunFilter
from rocketship.wire import convert
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire.quiet import grpc
from tests.client import stand_ins
from tests.client.stand_ins import StandIn
from tests.contracts.engine_client import follow, log, said, spec, wait
from tests.fixtures.engine_process import EngineProcess


class Relay:
    """Stands between client and engine, and drops answers or connections when it is told to."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.deaf = False
        self.connections = 0
        self._to = port
        self._writers: list[asyncio.StreamWriter] = []

    def hang_up(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.transport.abort()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Endpoint]:
        async with stand_ins.tcp(self._talk) as port:
            yield Endpoint(Address("127.0.0.1", port))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += [writer, back]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(reader, back, answers=False))
            group.create_task(self._pump(there, writer, answers=True))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        try:
            while data := await reader.read(65536):
                if not (answers and self.deaf):
                    writer.write(data)
                    await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


def test_run_whose_answer_was_lost_is_not_started_twice(shared_engine: EngineProcess) -> None:
    notes: list[str] = []

    async def main() -> None:
        relay = Relay(shared_engine.grpc_port)
        project = new_run_id()
        given = spec(log("a"), context={"project_id": project})
        options: Any = {"note": notes.append, "warn": print}
        async with (
            relay.serve() as endpoint,
            open_remote(endpoint, **options) as client,
            open_remote(shared_engine.endpoint, **options) as witness,
        ):
            relay.deaf = True
            creating = asyncio.ensure_future(client.create_run(given, {}))
            while not (page := await witness.list_runs(RunFilter(project=project))).runs:
                await asyncio.sleep(0.005)
            relay.deaf = False
            relay.hang_up()
            assert await creating == page.runs[0].id
            assert relay.connections == 2
            assert (await witness.list_runs(RunFilter(project=project))).total == 1

    asyncio.run(main())
    assert "the connection was lost" in notes[0]
    assert notes[0].endswith("; trying again")
    assert notes[1].startswith("connected to the engine at grpc://127.0.0.1:")
    assert len(notes) == 2


def test_watch_goes_on_where_it_was_cut_off(shared_engine: EngineProcess) -> None:
    notes: list[str] = []

    async def main() -> None:
        relay = Relay(shared_engine.grpc_port)
        steps = [log(f"line {number}") for number in range(30)]
        async with (
            relay.serve() as endpoint,
            open_remote(endpoint, note=notes.append, warn=print) as client,
        ):
            run_id = await client.create_run(spec(*steps), {})
            seen: list[Recorded] = []
            async for item in client.watch(run_id):
                seen.append(item)
                if item.seq % 25 == 0:
                    relay.hang_up()
            assert [item.seq for item in seen] == list(range(1, len(seen) + 1))
            assert said(seen) == [f"line {number}" for number in range(30)]
            assert await follow(client, run_id) == seen

    asyncio.run(main())
    assert len(notes) % 2 == 0


@pytest.mark.slow
def test_engine_killed_and_started_again_loses_and_repeats_no_line(
    engine_process: EngineProcess,
) -> None:
    notes: list[str] = []
    pause = {"name": "Pause", "plugin": "delay", "config": {"duration": "200ms"}}
    tests = [
        {"name": name, "steps": [log(f"{name} before"), pause, log(f"{name} after")]}
        for name in ("one", "two", "three")
    ]

    async def watch(client: Any, run_id: str, begun: asyncio.Event) -> list[Recorded]:
        seen = []
        async for item in client.watch(run_id):
            seen.append(item)
            if said(seen) and len(said(seen)) >= len(tests):
                begun.set()
        return seen

    async def main() -> None:
        endpoint = engine_process.endpoint
        async with (
            asyncio.timeout(60),
            open_remote(endpoint, note=notes.append, warn=print) as client,
        ):
            run_id = await client.create_run(spec(tests=tests), {})
            begun = asyncio.Event()
            watchers = [asyncio.ensure_future(watch(client, run_id, begun)) for _ in range(5)]
            await begun.wait()
            await asyncio.to_thread(engine_process.restart)
            first, *others = await asyncio.gather(*watchers)
            assert all(seen == first for seen in others)
            assert [item.seq for item in first] == list(range(1, len(first) + 1))
            words = [f"{test['name']} {when}" for test in tests for when in ("before", "after")]
            assert sorted(line for line in said(first) if line in words) == sorted(words)
            assert isinstance(first[-1].event, RunFinished)
            assert first[-1].event.status is Status.PASSED
            assert await follow(client, run_id) == first

    asyncio.run(main())
    assert [note.endswith("trying again") for note in notes] == [True, False]


@pytest.mark.slow
def test_engine_that_drains_is_waited_for(engine_process: EngineProcess) -> None:
    notes: list[str] = []

    async def main() -> None:
        endpoint = engine_process.endpoint
        async with (
            asyncio.timeout(60),
            open_remote(endpoint, note=notes.append, warn=print) as client,
        ):
            run_id = await client.create_run(spec(log("begun"), wait()), {})
            begun = asyncio.Event()

            async def watch() -> list[Recorded]:
                seen = []
                async for item in client.watch(run_id):
                    seen.append(item)
                    if isinstance(item.event, LogEmitted):
                        begun.set()
                return seen

            watching = asyncio.ensure_future(watch())
            await begun.wait()
            assert await asyncio.to_thread(engine_process.stop) == 0
            await asyncio.to_thread(engine_process.start)
            await client.cancel_run(run_id, reason="enough")
            seen = await watching
            assert [item.seq for item in seen] == list(range(1, len(seen) + 1))
            assert said(seen)[0] == "begun"
            assert said(seen).count("begun") == 1

    asyncio.run(main())
    assert notes


class Fading(StandIn):
    """An engine whose first streams break off."""

    def __init__(self, failures: int, code: grpc.StatusCode) -> None:
        self.asked: list[int] = []
        self._failures = failures
        self._code = code

    async def WatchRun(self, request: Any, context: Any) -> Any:
        self.asked.append(request.after_seq)
        event = Recorded(len(self.asked), RunFinished(1.0, Status.PASSED, 1.0))
        yield pb.WatchRunResponse(event=convert.event(event))
        if len(self.asked) <= self._failures:
            await context.abort(self._code, "gone")


def watch_fading(engine: Fading, **options: Any) -> list[Recorded]:
    async def main() -> list[Recorded]:
        async with stand_ins.engine(engine) as port:
            endpoint = Endpoint(Address("127.0.0.1", port))
            async with open_remote(endpoint, note=print, warn=print, **options) as client:
                return await follow(client, "r")

    return asyncio.run(main())


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
def test_each_new_stream_asks_for_what_is_missing(code: grpc.StatusCode) -> None:
    engine = Fading(3, code)

    assert [item.seq for item in watch_fading(engine)] == [1, 2, 3, 4]
    assert engine.asked == [0, 1, 2, 3]


def test_fault_of_the_engine_ends_a_stream_for_good() -> None:
    engine = Fading(1, grpc.StatusCode.INTERNAL)

    with pytest.raises(Exception, match="failed: gone"):
        watch_fading(engine)
    assert engine.asked == [0]


def test_unknown_run_is_not_asked_for_again(shared_engine: EngineProcess) -> None:
    notes: list[str] = []

    async def main() -> None:
        async with open_remote(shared_engine.endpoint, note=notes.append, warn=print) as client:
            await follow(client, new_run_id(1.0))

    with pytest.raises(NotFound):
        asyncio.run(main())
    assert notes == []


def test_engine_that_never_comes_back_is_given_up() -> None:
    async def main() -> Unreachable:
        called = asyncio.Event()

        class Leaving(StandIn):
            async def WatchRun(self, request: Any, context: Any) -> Any:
                called.set()
                yield pb.WatchRunResponse()
                await asyncio.Event().wait()

        server = stand_ins.engine(Leaving())
        port = await server.__aenter__()
        endpoint = Endpoint(Address("127.0.0.1", port))
        options: Any = {"note": print, "warn": print, "patience_seconds": 0.3}
        async with open_remote(endpoint, **options) as client:
            watching = asyncio.ensure_future(follow(client, "01abc"))
            await called.wait()
            await server.__aexit__(None, None, None)
            with pytest.raises(Unreachable) as caught:
                await watching
            return caught.value

    error = asyncio.run(main())

    assert "`rocketship get 01abc` tells how it ended" in (error.hint or "")


def test_pauses_grow_until_patience_has_run_out() -> None:
    async def main() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        began, backoff = loop.time(), Backoff(0.5)
        while not backoff.spent():
            await backoff.pause()
        return backoff.failures, loop.time() - began

    failures, seconds = asyncio.run(main())

    assert 1 <= failures <= 3
    assert seconds >= 0.5


def test_without_patience_there_is_no_second_try() -> None:
    async def main() -> bool:
        return Backoff(0).spent()

    assert asyncio.run(main())


def test_engine_that_was_never_heard_of_is_not_waited_for() -> None:
    async def main() -> float:
        began = asyncio.get_running_loop().time()
        async with stand_ins.web(503) as port:
            endpoint = Endpoint(Address("127.0.0.1", port))
            with pytest.raises(Unreachable, match="HTTP 503"):
                async with open_remote(endpoint, note=unexpected, warn=unexpected):
                    pass
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(main()) < 5


def unexpected(text: str) -> None:
    raise AssertionError(text)


def test_call_that_is_made_once_is_not_announced_as_made_again() -> None:
    notes: list[str] = []

    class Leaving(StandIn):
        async def DeleteRun(self, request: Any, context: Any) -> Any:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    async def main() -> None:
        async with stand_ins.engine(Leaving()) as port:
            endpoint = Endpoint(Address("127.0.0.1", port))
            async with open_remote(endpoint, note=notes.append, warn=print) as client:
                await client.delete_run("r")

    with pytest.raises(Unreachable, match="not available: gone"):
        asyncio.run(main())
    assert notes == []
