from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import (  # type: ignore[import-untyped]
    reflection_pb2,
    reflection_pb2_grpc,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rocketship.engine.service import RunService
from rocketship.wire import status
from rocketship.wire._generated import engine_pb2 as pb
from tests.fixtures.engine import engine_stub, running_engine
from tests.server.rpc.test_servicer import create, lines

SERVICE = pb.DESCRIPTOR.services_by_name["Engine"]
METHODS = [method.name for method in SERVICE.methods]


def test_unforeseen_error_is_internal_and_keeps_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: RunService, query: object) -> None:
        raise RuntimeError("password is s3cret")

    monkeypatch.setattr(RunService, "list_runs", broken)

    async def main() -> None:
        async with running_engine(tmp_path) as engine, engine_stub(engine) as stub:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.ListRuns(pb.ListRunsRequest())
            assert caught.value.code() is grpc.StatusCode.INTERNAL
            assert "s3cret" not in str(caught.value)
            assert status.from_rpc(caught.value)

    asyncio.run(main())
    assert "rpc_failed" in [record.getMessage() for record in caplog.records]


def test_every_call_is_logged_with_its_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rocketship")

    async def main() -> str:
        async with running_engine(tmp_path) as engine, engine_stub(engine) as stub:
            run_id = await create(stub, secrets={"TOKEN": "s3cret-value"})
            await lines(stub, run_id)
            return run_id

    run_id = asyncio.run(main())
    told = [vars(record) for record in caplog.records if record.getMessage() == "rpc"]
    assert [(item["method"], item["code"], item["run_id"]) for item in told] == [
        ("CreateRun", "OK", run_id),
        ("StreamLogs", "OK", run_id),
    ]
    assert "s3cret-value" not in str(told)


@pytest.mark.parametrize("method", METHODS)
def test_malformed_message_is_refused_in_our_words(tmp_path: Path, method: str) -> None:
    async def main() -> None:
        async with (
            running_engine(tmp_path) as engine,
            grpc.aio.insecure_channel(engine.grpc) as channel,
        ):
            error = await send(channel, method, b"\xff\xff\xff\xff")
            assert error is not None
            # An engine that carries runs out itself has no use for reports, whatever they say.
            expected = {"ReportEvents": grpc.StatusCode.FAILED_PRECONDITION}
            assert error.code() is expected.get(method, grpc.StatusCode.INVALID_ARGUMENT)

    asyncio.run(main())


async def send(channel: grpc.aio.Channel, method: str, data: bytes) -> Any:
    """Send bytes as a request; return the error or None."""
    path = f"/{SERVICE.full_name}/{method}"
    streams = SERVICE.methods_by_name[method].server_streaming
    try:
        if streams:
            stream: Any = channel.unary_stream(path)
            await stream(data, timeout=10).read()
        else:
            call: Any = channel.unary_unary(path)
            await call(data, timeout=10)
    except grpc.aio.AioRpcError as error:
        return error
    return None


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(st.binary(max_size=200), min_size=1, max_size=8))
def test_random_bytes_never_end_unknown(
    tmp_path_factory: pytest.TempPathFactory, messages: list[bytes]
) -> None:
    async def main() -> None:
        async with (
            running_engine(tmp_path_factory.mktemp("data")) as engine,
            grpc.aio.insecure_channel(engine.grpc) as channel,
        ):
            for method in METHODS:
                if method == "WaitForCleanup":
                    continue
                for data in messages:
                    error = await send(channel, method, data)
                    if error is not None:
                        assert status.from_rpc(error), (method, data, error)
                        assert error.code().name not in ("UNKNOWN", "INTERNAL")

    asyncio.run(main())


@pytest.mark.parametrize("reflection", [True, False])
def test_reflection_is_there_only_when_asked_for(tmp_path: Path, reflection: bool) -> None:
    async def main() -> None:
        async with (
            running_engine(tmp_path, reflection=reflection) as engine,
            grpc.aio.insecure_channel(engine.grpc) as channel,
        ):
            stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
            request = reflection_pb2.ServerReflectionRequest(list_services="")
            stream = stub.ServerReflectionInfo(iter([request]))
            if reflection:
                answer = await stream.read()
                names = [item.name for item in answer.list_services_response.service]
                assert SERVICE.full_name in names
            else:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await stream.read()
                assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    asyncio.run(main())
