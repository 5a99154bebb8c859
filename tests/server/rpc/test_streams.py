from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import pytest

from rocketship.errors import Draining
from rocketship.server.health import Readiness, State
from rocketship.server.rpc.streams import unless_stopping, until_stopping
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated.engine_pb2_grpc import EngineStub
from tests.fixtures.engine import engine_stub, running_engine
from tests.fixtures.workbench import Workbench, case, log
from tests.server.rpc.test_servicer import create, source


def test_silent_source_beats_and_loses_nothing() -> None:
    go_on = asyncio.Event()

    async def numbers() -> AsyncGenerator[int]:
        yield 1
        await go_on.wait()
        yield 2

    async def main() -> None:
        got: list[int | None] = []
        async for item in until_stopping(numbers(), Readiness(), heartbeat=0.01):
            got.append(item)
            if got.count(None) == 3:
                go_on.set()
        assert [item for item in got if item] == [1, 2]
        assert got.count(None) >= 3

    asyncio.run(main())


def test_stopping_ends_a_stream_and_closes_its_source() -> None:
    closed = False

    async def endless() -> AsyncGenerator[int]:
        nonlocal closed
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed = True

    async def main() -> None:
        readiness = Readiness()
        stream = until_stopping(endless(), readiness)
        assert await anext(stream) == 1
        readiness.become(State.STOPPING)
        with pytest.raises(Draining):
            await anext(stream)

    asyncio.run(main())
    assert closed


def test_error_of_the_source_is_passed_on() -> None:
    async def broken() -> AsyncGenerator[int]:
        yield 1
        raise KeyError("x")

    async def main() -> None:
        stream = until_stopping(broken(), Readiness())
        assert await anext(stream) == 1
        with pytest.raises(KeyError):
            await anext(stream)

    asyncio.run(main())


def test_work_is_given_up_when_the_server_stops() -> None:
    async def main() -> None:
        readiness = Readiness()
        work = asyncio.ensure_future(unless_stopping(asyncio.Event().wait(), readiness))
        await asyncio.sleep(0)
        readiness.become(State.STOPPING)
        with pytest.raises(Draining):
            await work
        assert await unless_stopping(asyncio.sleep(0, "done"), Readiness()) == "done"

    asyncio.run(main())


def test_quiet_stream_of_a_run_beats(
    tmp_path: Path, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(until_stopping, "__defaults__", (0.05,))

    async def main() -> None:
        async with running_engine(tmp_path) as engine, engine_stub(engine) as stub:
            run_id = await create(stub, source(case("t", bench.hold("gate"))))
            beats = 0
            async for message in stub.WatchRun(pb.WatchRunRequest(run_id=run_id)):
                if not message.HasField("event"):
                    beats += 1
                    assert not message.lagged
                if beats == 2:
                    bench.release("gate")
            assert beats >= 2

    asyncio.run(main())


def test_clients_that_vanish_leave_nothing_behind(tmp_path: Path, bench: Workbench) -> None:
    async def main() -> None:
        async with running_engine(tmp_path) as engine, engine_stub(engine) as stub:
            run_id = await create(stub, source(case("t", bench.hold("gate"))))
            await asyncio.to_thread(bench.wait_for, "gate")
            before = server_tasks()
            streams: list[tuple[Any, Any]] = []
            for number in range(100):
                options = [("grpc.use_local_subchannel_pool", 1)]
                channel = grpc.aio.insecure_channel(engine.grpc, options=options)
                call: Any = EngineStub(channel)
                stream = (
                    call.WatchRun(pb.WatchRunRequest(run_id=run_id))
                    if number % 2
                    else call.StreamLogs(pb.LogStreamRequest(run_id=run_id))
                )
                await stream.read()
                streams.append((channel, stream))
            for channel, _ in streams:
                await channel.close(grace=None)
            async with asyncio.timeout(10):
                while server_tasks() > before:
                    await asyncio.sleep(0.01)
            bench.release("gate")
            done = await stub.WaitForCleanup(pb.WaitForCleanupRequest(run_id=run_id))
            assert done.completed
        gc.collect()

    asyncio.run(main())


def server_tasks() -> int:
    """Return how many tasks wait for something that streams wait for."""
    names = [str(task.get_coro()) for task in asyncio.all_tasks()]
    return sum(
        "Follower" in name or "_handle_rpc" in name or "Event.wait" in name for name in names
    )


def talkative(bench: Workbench, count: int) -> bytes:
    """Return a suite that, let go, logs so much that it does not fit into any buffer."""
    steps = [log(f"{number} {{{{ .vars.text }}}}") for number in range(count)]
    return source(case("t", bench.hold("gate"), *steps), vars={"text": "x" * 20_000})


def test_client_that_never_reads_holds_up_nobody(tmp_path: Path, bench: Workbench) -> None:
    async def main() -> None:
        async with running_engine(tmp_path) as engine, engine_stub(engine) as stub:
            run_id = await create(stub, talkative(bench, 300))
            small: dict[str, Any] = {"grpc__http2__lookahead_bytes": 1024}
            async with engine_stub(engine, **small) as lazy:
                stalled = aiter(lazy.WatchRun(pb.WatchRunRequest(run_id=run_id)))
                await anext(stalled)
                bench.release("gate")
                seen = [message async for message in stub.WatchRun(
                    pb.WatchRunRequest(run_id=run_id)
                )]  # fmt: skip
                assert '"run_finished"' in seen[-1].event.json
                # What it has not read waits for it in the store.
                rest = [message.event.seq async for message in stalled if message.event.seq]
                assert rest == list(range(2, len(seen) + 1))

    asyncio.run(main())


def test_watcher_that_lags_is_told_and_reads_the_gap_from_the_store(
    tmp_path: Path, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rocketship.engine.hub.MAX_BACKLOG", 10)

    async def main() -> None:
        async with running_engine(tmp_path) as engine, engine_stub(engine) as stub:
            run_id = await create(stub, talkative(bench, 200))
            await asyncio.to_thread(bench.wait_for, "gate")
            stream = aiter(stub.WatchRun(pb.WatchRunRequest(run_id=run_id)))
            await anext(stream)
            bench.release("gate")
            await stub.WaitForCleanup(pb.WaitForCleanupRequest(run_id=run_id))
            messages = [message async for message in stream]
            assert any(message.lagged for message in messages)
            seqs = [message.event.seq for message in messages if message.HasField("event")]
            assert seqs == list(range(2, len(seqs) + 2))

    asyncio.run(main())
