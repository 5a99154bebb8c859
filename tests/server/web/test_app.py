from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from rocketship._version import __version__
from rocketship.errors import StoreError
from rocketship.store.sqlite.store import SqliteStore
from tests.fixtures.engine import RunningEngine, running_engine

HEALTH_CHECK = "/grpc.health.v1.Health/Check"


def fetch(
    engine: RunningEngine, path: str, method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    address = engine.listening.http
    connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
    try:
        connection.request(
            method, path, body, {key.replace("_", "-"): value for key, value in headers.items()}
        )
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def with_engine(folder: Path, body: Callable[[RunningEngine], Awaitable[None]]) -> None:
    async def main() -> None:
        async with running_engine(folder) as engine:
            await body(engine)

    asyncio.run(main())


def get(folder: Path, path: str, method: str = "GET", **headers: str) -> tuple[Any, bytes]:
    async def main() -> tuple[Any, bytes]:
        async with running_engine(folder) as engine:
            return await asyncio.to_thread(fetch, engine, path, method, b"", **headers)

    return asyncio.run(main())


def test_health_tells_status_and_version(tmp_path: Path) -> None:
    response, body = get(tmp_path, "/healthz")

    assert response.status == 200
    assert json.loads(body) == {"status": "ok", "version": __version__}


def test_readiness_tells_of_every_dependency(tmp_path: Path) -> None:
    response, body = get(tmp_path, "/readyz")

    assert response.status == 200
    parts = {"store": "ok", "runtime": "ok", "grpc": "ok"}
    assert json.loads(body) == {"status": "ok", "dependencies": parts}


def test_readiness_fails_with_the_store_and_health_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: SqliteStore, prefix: str) -> None:
        raise StoreError("the disk is full: /secret/path")

    async def body(engine: RunningEngine) -> None:
        monkeypatch.setattr(SqliteStore, "find", fail)
        response, told = await asyncio.to_thread(fetch, engine, "/readyz")
        assert response.status == 503
        parts = {"store": "failed", "runtime": "ok", "grpc": "ok"}
        assert json.loads(told) == {"status": "failed", "dependencies": parts}
        response, _ = await asyncio.to_thread(fetch, engine, "/healthz")
        assert response.status == 200

    with_engine(tmp_path, body)


def test_root_is_json_for_programs_and_a_page_for_browsers(tmp_path: Path) -> None:
    _, plain = get(tmp_path, "/")
    response, page = get(tmp_path, "/", accept="text/html,application/xhtml+xml")

    assert json.loads(plain)["service"] == "rocketship"
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert b"Nothing runs at the moment" in page
    assert __version__.encode() in page


@pytest.mark.parametrize(("path", "method", "status"), [("/no", "GET", 404), ("/", "POST", 405)])
def test_unknown_path_or_method_is_refused_in_json(
    tmp_path: Path, path: str, method: str, status: int
) -> None:
    response, body = get(tmp_path, path, method)

    assert response.status == status
    assert response.headers["content-type"] == "application/json"
    assert json.loads(body)["error"]


@pytest.mark.parametrize("name", ["a" * 300, "a%00", "..", "%2e%2e%2froutes.py", "no.css"])
def test_file_that_is_none_of_the_pages_is_not_found(tmp_path: Path, name: str) -> None:
    response, body = get(tmp_path, f"/static/{name}")

    assert response.status == 404
    assert json.loads(body)["error"]


def test_metrics_are_in_the_format_of_prometheus(tmp_path: Path) -> None:
    response, body = get(tmp_path, "/metrics")

    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"\nrocketship_runs_running 0.0\n" in body
    assert b"\nprocess_resident_memory_bytes " in body


@pytest.mark.parametrize("path", ["/healthz", HEALTH_CHECK])
def test_health_check_of_grpc_is_answered_on_the_http_port(tmp_path: Path, path: str) -> None:
    async def body(engine: RunningEngine) -> None:
        async with grpc.aio.insecure_channel(engine.http) as channel:
            check = channel.unary_unary(
                path,
                health_pb2.HealthCheckRequest.SerializeToString,
                health_pb2.HealthCheckResponse.FromString,
            )
            answer = await check(health_pb2.HealthCheckRequest())
            assert answer.status == health_pb2.HealthCheckResponse.SERVING

    with_engine(tmp_path, body)


def test_grpc_call_on_the_http_port_is_told_the_right_one(tmp_path: Path) -> None:
    async def body(engine: RunningEngine) -> None:
        async with grpc.aio.insecure_channel(engine.http) as channel:
            call: Any = channel.unary_unary("/rocketship.v1.Engine/GetServerInfo")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert str(engine.listening.grpc.port) in str(caught.value.details())

    with_engine(tmp_path, body)


def test_one_connection_speaks_http1_and_another_http2(tmp_path: Path) -> None:
    async def body(engine: RunningEngine) -> None:
        for option in ("--http1.1", "--http2-prior-knowledge", "--http2"):
            process = await asyncio.create_subprocess_exec(
                "curl", "-s", option, "-w", "%{http_code}", f"{engine.url}/healthz",
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, _ = await process.communicate()
            assert out.endswith(b"200")

    with_engine(tmp_path, body)


def test_health_check_service_knows_its_services_only(tmp_path: Path) -> None:
    async def body(engine: RunningEngine) -> None:
        async with grpc.aio.insecure_channel(engine.grpc) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            for service in ("", "rocketship.v1.Engine"):
                answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Check(health_pb2.HealthCheckRequest(service="other"))
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
            watch = stub.Watch(health_pb2.HealthCheckRequest(service="other"))
            unknown = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            assert (await watch.read()).status == unknown
            watch.cancel()

    with_engine(tmp_path, body)
