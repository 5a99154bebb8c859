"""What a client makes of nginx in front of an engine, set up well and in the usual wrong ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trustme

from rocketship.client.address import Address
from rocketship.client.channel import Endpoint
from rocketship.client.remote import open_remote
from rocketship.client.tls import TlsOptions
from rocketship.errors import Overloaded, Refused, RocketshipError, Unreachable
from rocketship.run.events import Recorded, RunFinished
from rocketship.run.spec import RunSpec
from rocketship.run.status import Status
from rocketship.store.base import RunFilter
from rocketship.wire import convert
from rocketship.wire._generated import engine_pb2 as pb
from tests.client import stand_ins
from tests.client.stand_ins import HOST, StandIn
from tests.fixtures.nginx import nginx

PASS = "location / { grpc_pass grpc://127.0.0.1:UPSTREAM; }"


class Edge:
    """nginx with TLS in front of a stand-in; `pass_on` is what it does with requests."""

    def __init__(self, folder: Path, authority: trustme.CA, ca_file: Path) -> None:
        self._folder = folder
        leaf = stand_ins.certificate(authority)
        leaf.private_key_and_cert_chain_pem.write_to_path(str(folder / "edge.pem"))
        self._tls = TlsOptions(ca_cert=ca_file)

    def use(
        self,
        body: Callable[[Any], Any],
        pass_on: str = PASS,
        *,
        listen: str = "ssl http2",
        engine: AbstractAsyncContextManager[int] | None = None,
        **options: Any,
    ) -> Any:
        """Return what a coroutine function makes of a client that connects through nginx."""

        async def main() -> Any:
            async with engine or stand_ins.engine() as upstream:
                server = f"""
                    listen 127.0.0.1:PORT {listen};
                    ssl_certificate {self._folder}/edge.pem;
                    ssl_certificate_key {self._folder}/edge.pem;
                    {pass_on.replace("UPSTREAM", str(upstream))}
                """
                with nginx(self._folder, server) as port:
                    endpoint = Endpoint(Address(HOST, port, True), tls=self._tls)
                    settings: Any = {"note": print, "warn": print, "retry_seconds": 0} | options
                    async with open_remote(endpoint, **settings) as client:
                        return await body(client)

        return asyncio.run(main())

    def failure(self, pass_on: str, **options: Any) -> RocketshipError:
        """Return how connecting fails."""
        with pytest.raises(RocketshipError) as caught:
            self.use(list_runs, pass_on, **options)
        return caught.value


@pytest.fixture
def edge(tmp_path: Path, authority: trustme.CA, ca_file: Path) -> Edge:
    return Edge(tmp_path, authority, ca_file)


async def list_runs(client: Any) -> Any:
    return await client.list_runs(RunFilter())


def test_calls_pass(edge: Edge) -> None:
    assert edge.use(list_runs).runs == ()


@pytest.mark.parametrize(
    ("pass_on", "kind", "message", "hint"),
    [
        ("location / { return 302 https://login.example/; }", Unreachable, "browser login", "let"),
        ("location / { return 401; }", Refused, "wants a login of its own (HTTP 401)", "check"),
        ("location / { return 403; }", Refused, "refuses access (HTTP 403)", "check the address"),
        ("location / { return 404; }", Unreachable, "nothing of gRPC (HTTP 404)", "check host"),
        ("location / { return 429; }", Overloaded, "no more requests for now", "later"),
        ("location / { return 500; }", Unreachable, "nothing of gRPC (HTTP 500)", "check host"),
        ("location / { return 503; }", Unreachable, "cannot reach it (HTTP 503)", "is the engine"),
        (
            "location / { grpc_pass grpc://127.0.0.1:1; }",
            Unreachable,
            "cannot reach it (HTTP 502)",
            "is the engine up and ready",
        ),
    ],
)
def test_edge_answers_instead_of_the_engine(
    edge: Edge, pass_on: str, kind: type[RocketshipError], message: str, hint: str
) -> None:
    error = edge.failure(pass_on)

    assert isinstance(error, kind)
    assert message in error.message
    assert hint in (error.hint or "")


def test_listener_has_no_http2(edge: Edge) -> None:
    error = edge.failure(PASS, listen="ssl")

    assert "does not offer HTTP/2" in error.message
    assert "nginx: `http2`" in (error.hint or "")


async def greet_and_leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet as an HTTP/2 server does, and hang up on what is none."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    await writer.drain()


def test_edge_takes_the_engine_for_a_plain_web_server(edge: Edge) -> None:
    pass_on = "location / { proxy_pass http://127.0.0.1:UPSTREAM; }"
    error = edge.failure(pass_on, engine=stand_ins.tcp(greet_and_leave))

    assert "hands gRPC on as if it were plain HTTP" in error.message
    assert "grpc_pass instead of proxy_pass" in (error.hint or "")


def test_body_is_larger_than_the_edge_takes(edge: Edge) -> None:
    spec = RunSpec(file="s.yaml", source=b"name: x\n", files={"big": b"x" * 2**21})

    async def create(client: Any) -> Any:
        with pytest.raises(Overloaded) as caught:
            await client.create_run(spec, {})
        return caught.value

    error = edge.use(create)

    assert "no request as large as this (HTTP 413)" in error.message
    assert "client_max_body_size" in error.hint


class Quiet(StandIn):
    """An engine that never sends an event, but knows how the run ended."""

    def __init__(self, heartbeats: int) -> None:
        self.glances = 0
        self._heartbeats = heartbeats

    async def WatchRun(self, request: Any, context: Any) -> Any:
        for _ in range(self._heartbeats):
            yield pb.WatchRunResponse()
        await asyncio.Event().wait()

    async def GetRun(self, request: Any, context: Any) -> Any:
        self.glances += 1
        ended = Recorded(2, RunFinished(1.0, Status.FAILED, 0.5))
        status = "FAILED" if self.glances > 1 else "RUNNING"
        events = [convert.event(ended)] if self.glances > 1 else []
        return pb.GetRunResponse(run=pb.RunDetails(run_id="r", status=status, events=events))


#: nginx answers with an error page when nothing has come yet, and cuts a stream that has begun.
CUTS = pytest.mark.parametrize(
    ("heartbeats", "words"), [(0, "cannot reach it (HTTP 504)"), (1, "cut the call off")]
)
IMPATIENT = (
    PASS
    + """
location ~ /(WatchRun|GetRun)$ {
  grpc_pass grpc://127.0.0.1:UPSTREAM;
  grpc_read_timeout 100ms;
}
"""
)


@CUTS
def test_verdict_is_asked_for_when_every_stream_is_cut(
    edge: Edge, heartbeats: int, words: str
) -> None:
    notes: list[str] = []
    quiet = Quiet(heartbeats)

    async def watch(client: Any) -> list[Recorded]:
        return [item async for item in client.watch("r")]

    seen = edge.use(watch, IMPATIENT, engine=stand_ins.engine(quiet), note=notes.append)

    assert [item.event for item in seen] == [RunFinished(1.0, Status.FAILED, 0.5)]
    assert quiet.glances == 2
    assert f"{words}; trying again" in notes[0]


def test_nothing_works_for_long_enough(edge: Edge) -> None:
    class Silent(Quiet):
        async def GetRun(self, request: Any, context: Any) -> Any:
            await asyncio.Event().wait()

    async def watch(client: Any) -> Any:
        with pytest.raises(Unreachable) as caught:
            async for _ in client.watch("r"):
                pass
        return caught.value

    error = edge.use(watch, IMPATIENT, engine=stand_ins.engine(Silent(0)), patience_seconds=0.5)

    assert "cannot reach it (HTTP 504)" in error.message
    assert "`rocketship get r` tells how it ended" in error.hint
