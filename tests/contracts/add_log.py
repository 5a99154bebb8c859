"""What `AddLog` promises to workers that are not ours, whatever carries a run out.

Subclass the contract and provide the fixture `place`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from rocketship.run.ids import new_run_id
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated.engine_pb2_grpc import EngineStub
from rocketship.wire.quiet import grpc
from tests.contracts.engine_client import follow, log, said, spec
from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.fleet import client_of
from tests.fixtures.workbench import Workbench


@dataclass(frozen=True)
class Place:
    """An engine whose runs are carried out, and where their steps tell what they do."""

    engine: EngineProcess
    bench: Workbench

    async def add(self, run_id: str, message: str, **fields: Any) -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.engine.grpc_port}") as channel:
            stub: Any = EngineStub(channel)
            await stub.AddLog(pb.AddLogRequest(run_id=run_id, message=message, **fields))

    async def refusal(self, run_id: str, message: str) -> grpc.StatusCode:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await self.add(run_id, message)
        return refused.value.code()

    async def said(self, word: str) -> None:
        """Return once a step has said a word."""
        await asyncio.to_thread(self.bench.wait_for, word)


class AddLogContract:
    """Every test has an engine and a place of its own."""

    def run(self, body: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            async with asyncio.timeout(60):
                await body()

        asyncio.run(main())

    def test_line_is_told_once_in_its_place_and_without_secrets(self, place: Place) -> None:
        async def body() -> None:
            async with client_of(place.engine) as client:
                given = spec(place.bench.hold("gate"), log("after"), env_names=("TOKEN",))
                run_id = await client.create_run(given, {"TOKEN": "s3cret-value"})
                await place.said("gate")
                await place.add(run_id, "token s3cret-value", color="red", test_name="far away")
                place.bench.release("gate")

                told = said(await follow(client, run_id))
                assert told == ["[far away] token ***", "after"]

        self.run(body)

    def test_lines_of_many_workers_at_once_are_all_told(self, place: Place) -> None:
        async def body() -> None:
            async with client_of(place.engine) as client:
                run_id = await client.create_run(spec(place.bench.hold("gate")), {})
                await place.said("gate")
                lines = [f"line {number}" for number in range(50)]
                await asyncio.gather(*(place.add(run_id, line) for line in lines))
                place.bench.release("gate")

                events = await follow(client, run_id)
                assert sorted(said(events)) == sorted(lines)
                assert [item.seq for item in events] == list(range(1, len(events) + 1))

        self.run(body)

    def test_ended_run_takes_no_line_and_stays_as_it_is(self, place: Place) -> None:
        async def body() -> None:
            async with client_of(place.engine) as client:
                run_id = await client.create_run(spec(log("all")), {})
                events = await follow(client, run_id)

                refused = await place.refusal(run_id, "late")
                assert refused is grpc.StatusCode.FAILED_PRECONDITION
                assert await follow(client, run_id) == events

        self.run(body)

    def test_unknown_run_and_empty_line_are_refused(self, place: Place) -> None:
        async def body() -> None:
            unknown = await place.refusal(new_run_id(), "who")
            empty = await place.refusal(new_run_id(), "")
            assert unknown is grpc.StatusCode.NOT_FOUND
            assert empty is grpc.StatusCode.INVALID_ARGUMENT

        self.run(body)
