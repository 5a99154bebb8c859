from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from rocketship.errors import Draining, Infrastructure, SettingsError
from rocketship.server.web.hypercorn import HttpListener
from rocketship.settings.reader import Address
from rocketship.settings.server import TlsSettings
from rocketship.wire import status
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated.engine_pb2_grpc import EngineStub
from tests.fixtures.engine import engine_stub, running_engine
from tests.fixtures.workbench import Running, Workbench, case
from tests.server.rpc.test_servicer import create, source
from tests.server.web.test_app import fetch

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
#: Everything on free ports.
ANYWHERE = {
    "ROCKETSHIP_ENGINE_GRPC_ADDRESS": "127.0.0.1:0",
    "ROCKETSHIP_ENGINE_HTTP_ADDRESS": "127.0.0.1:0",
}


def start_engine(bench: Workbench, **env: str) -> tuple[Running, str]:
    """Start an engine as a process of its own; return it and its gRPC address."""
    engine = bench.start("engine", env=ANYWHERE | env)
    engine.wait_for_output("Ready: ")
    found = re.search(r"gRPC on (\S+),", engine.out)
    assert found
    return engine, found[1]


def call(address: str, name: str, request: Any) -> Any:
    with grpc.insecure_channel(address) as channel:
        return getattr(EngineStub(channel), name)(request, timeout=10)


def test_draining_engine_works_on_and_then_ends_its_streams(
    tmp_path: Path, bench: Workbench
) -> None:
    async def main() -> None:
        drain = {"drain_seconds": 0.4}
        async with (
            running_engine(tmp_path, **drain) as engine,
            engine_stub(engine) as stub,
            grpc.aio.insecure_channel(engine.grpc) as channel,
        ):
            run_id = await create(stub, source(case("t", bench.hold("gate"))))
            logs = stub.StreamLogs(pb.LogStreamRequest(run_id=run_id))
            await logs.read()
            health: Any = health_pb2_grpc.HealthStub(channel)
            watch = health.Watch(health_pb2.HealthCheckRequest())
            assert (await watch.read()).status == SERVING

            engine.stop.asked.set()
            assert (await watch.read()).status == NOT_SERVING
            response, _ = await asyncio.to_thread(fetch, engine, "/healthz")
            assert response.status == 503
            response, _ = await asyncio.to_thread(fetch, engine, "/readyz")
            assert response.status == 503
            assert (await stub.Health(pb.HealthRequest())).status == "draining"
            await create(stub, source(case("t", bench.hold("gate"))))

            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await read_all(logs)
            assert isinstance(status.from_rpc(ended.value), Draining)
            assert retry_seconds(ended.value) > 0
            await asyncio.wait_for(asyncio.shield(engine.done), 10.0)

    asyncio.run(main())


async def read_all(stream: Any) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


def retry_seconds(error: Any) -> int:
    """Return the hint when to try again that a status carries."""
    metadata = dict(error.trailing_metadata())
    told, hint = Status.FromString(metadata["grpc-status-details-bin"]), RetryInfo()
    assert any(detail.Unpack(hint) for detail in told.details)
    seconds: int = hint.retry_delay.seconds
    return seconds


def test_requests_in_flight_get_their_grace_and_no_more(tmp_path: Path, bench: Workbench) -> None:
    async def main() -> None:
        async with (
            running_engine(tmp_path, grace_seconds=0.3) as engine,
            engine_stub(engine) as stub,
        ):
            await create(stub, source(case("t", bench.hold("gate"))))
            # Neither is read to its end, nor do they end by themselves.
            _, writer = await asyncio.open_connection(
                engine.listening.http.host, engine.listening.http.port
            )
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n")
            engine.stop.asked.set()
            await asyncio.wait_for(asyncio.shield(engine.done), 10.0)
            writer.close()

    asyncio.run(main())


def test_idle_engine_stops_at_once_although_clients_are_connected(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            running_engine(tmp_path, grace_seconds=30.0) as engine,
            engine_stub(engine) as stub,
            grpc.aio.insecure_channel(engine.grpc) as channel,
        ):
            await stub.Health(pb.HealthRequest())
            health: Any = health_pb2_grpc.HealthStub(channel)
            watch = health.Watch(health_pb2.HealthCheckRequest())
            await watch.read()
            _, writer = await asyncio.open_connection(
                engine.listening.http.host, engine.listening.http.port
            )
            engine.stop.asked.set()
            # The bound is for a busy machine; it is the half minute of grace that counts.
            await asyncio.wait_for(asyncio.shield(engine.done), 10.0)
            writer.close()

    asyncio.run(main())


def test_stop_asked_for_twice_waits_for_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_engine(tmp_path, drain_seconds=60.0, grace_seconds=60.0) as engine:
            engine.stop.asked.set()
            engine.stop.forced.set()
            await asyncio.wait_for(asyncio.shield(engine.done), 10.0)

    asyncio.run(main())


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_taken_port_is_an_error_that_names_it_and_a_remedy(tmp_path: Path, protocol: str) -> None:
    async def main(address: Address) -> None:
        async with running_engine(tmp_path, **{protocol: address}):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(Infrastructure, match="address already in use") as caught:
            asyncio.run(main(address))
    assert str(address) in caught.value.message
    assert f"ROCKETSHIP_ENGINE_{protocol.upper()}_ADDRESS" in str(caught.value.hint)


def test_host_that_is_not_ours_is_an_error_that_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_engine(tmp_path, grpc=Address("192.0.2.1", 7700)):
            pass

    with pytest.raises(Infrastructure, match=r"cannot listen on 192\.0\.2\.1:7700 for gRPC"):
        asyncio.run(main())


def test_nothing_listens_when_the_certificate_is_missing(tmp_path: Path) -> None:
    async def main() -> None:
        tls = TlsSettings(tmp_path / "no.pem", tmp_path / "no.key")
        async with running_engine(tmp_path, tls=tls):
            pass

    with pytest.raises(SettingsError, match=r"no\.pem: there is no such file"):
        asyncio.run(main())


def test_part_that_dies_ends_the_engine_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(self: object) -> None:
        raise OSError("gone")

    async def main() -> None:
        async with running_engine(tmp_path) as engine:
            await asyncio.wait({engine.done})

    monkeypatch.setattr(HttpListener, "watch", die)

    with pytest.raises(Infrastructure, match="the HTTP listener of the engine died"):
        asyncio.run(main())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_ends_an_idle_engine_soon_and_well(bench: Workbench, number: int) -> None:
    engine, _ = start_engine(bench)
    begun = time.monotonic()
    engine.process.send_signal(number)
    ended = engine.end()

    assert ended.code == 0, ended.err
    # The bound is for a busy machine; half a second is what it may take on an idle one.
    assert time.monotonic() - begun < 8.0


def test_second_signal_ends_the_wait(bench: Workbench) -> None:
    engine, _ = start_engine(bench, ROCKETSHIP_DRAIN_DELAY="1m", ROCKETSHIP_GRACE="1m")
    begun = time.monotonic()
    engine.process.terminate()
    engine.wait_for_note("draining")
    engine.process.terminate()
    ended = engine.end()

    assert ended.code == 0, ended.err
    assert time.monotonic() - begun < 20.0


def test_taken_port_ends_the_command_with_its_exit_code(bench: Workbench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = bench.run("engine", env=ANYWHERE | {"ROCKETSHIP_ENGINE_GRPC_ADDRESS": address})

    assert ended.code == 3
    assert f"error: cannot listen on {address} for gRPC: address already in use" in ended.err
    assert "Traceback" not in ended.err


def test_unknown_setting_is_an_error_with_a_suggestion(bench: Workbench) -> None:
    ended = bench.run("engine", env={"ROCKETSHIP_ENGINE_GRPC_ADRESS": "x"})

    assert ended.code == 2
    assert "ROCKETSHIP_ENGINE_GRPC_ADRESS is not a setting" in ended.err
    assert 'did you mean "ROCKETSHIP_ENGINE_GRPC_ADDRESS"?' in ended.err


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_run_of_a_stopped_engine_is_resumed_by_the_next(bench: Workbench, number: int) -> None:
    engine, address = start_engine(bench)
    steps = (bench.say("before"), bench.hold("gate", replay="safe"), bench.say("after"))
    request = pb.CreateRunRequest(yaml_payload=source(case("t", *steps)))
    run_id = call(address, "CreateRun", request).run_id
    bench.wait_for("gate")
    os.kill(engine.process.pid, number)
    engine.end()
    assert bench.words().count("before") == 1

    engine, address = start_engine(bench)
    bench.wait_for_again("gate")
    # Killed with SIGKILL, the first engine has left its step behind, which waits as well.
    bench.release("gate", "gate")
    assert call(address, "WaitForCleanup", pb.WaitForCleanupRequest(run_id=run_id)).completed
    run = call(address, "GetRun", pb.GetRunRequest(run_id=run_id)).run

    assert run.status == "PASSED"
    assert bench.words().count("before") == 1
    assert bench.words().count("after") == 1
