"""What may stand where an engine should: engines that misbehave, proxies, web servers, silence.

Everything runs in the event loop of the test and listens on a free port of 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import trustme

from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated.engine_pb2_grpc import (
    EngineServicer,
    add_EngineServicer_to_server,
)
from rocketship.wire.quiet import grpc

HOST = "127.0.0.1"


class StandIn(EngineServicer):
    """An engine that says it is one, and knows no run."""

    async def GetServerInfo(self, request: Any, context: Any) -> Any:
        return pb.GetServerInfoResponse(version="0.1.0", capabilities=["runs.watch"])

    async def ListRuns(self, request: Any, context: Any) -> Any:
        return pb.ListRunsResponse()


@asynccontextmanager
async def engine(
    servicer: Any = None,
    *,
    certificate: trustme.LeafCert | None = None,
    client_ca: trustme.CA | None = None,
    options: Sequence[tuple[str, int]] = (),
    port: int = 0,
) -> AsyncIterator[int]:
    """Serve gRPC, with TLS when there is a certificate; yields the port."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0), *options])
    add_EngineServicer_to_server(servicer or StandIn(), server)
    address = f"{HOST}:{port}"
    if certificate:
        pair = certificate.private_key_pem.bytes(), chain(certificate)
        credentials = grpc.ssl_server_credentials(
            [pair],
            root_certificates=client_ca.cert_pem.bytes() if client_ca else None,
            require_client_auth=client_ca is not None,
        )
        port = server.add_secure_port(address, credentials)
    else:
        port = server.add_insecure_port(address)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


@asynccontextmanager
async def web(
    status: int, headers: Sequence[tuple[str, str]] = (), body: bytes = b"<html>no</html>"
) -> AsyncIterator[int]:
    """Serve one answer to everything over HTTP/2 without TLS; yields the port."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        fields = [(b"content-type", b"text/html"), *((k.encode(), v.encode()) for k, v in headers)]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    listener = socket.create_server((HOST, 0))
    port = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.accesslog = config.errorlog = None
    config.graceful_timeout = 0.1
    stop = asyncio.Event()
    task = asyncio.ensure_future(serve(app, config, shutdown_trigger=stop.wait))
    try:
        yield port
    finally:
        stop.set()
        await task


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def tcp(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections by a coroutine function; yields the port."""
    open_now: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now[task] = writer
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            del open_now[task]

    server = await asyncio.start_server(handle, HOST, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        # What has just been accepted needs a few rounds to reach its handler, to be closed there.
        for _ in range(4):
            await asyncio.sleep(0)
        for writer in open_now.values():
            writer.transport.abort()
        if open_now:
            await asyncio.wait(open_now)


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything and never answer."""
    while await reader.read(65536):
        pass


def proxy(answer: str = "", *, seen: list[bytes] | None = None) -> Talk:
    """Return a CONNECT proxy, one that refuses when there is an answer."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        if answer:
            writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with asyncio.TaskGroup() as group:
            group.create_task(_pump(reader, back))
            group.create_task(_pump(there, writer))

    return talk


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@contextmanager
def closed_port() -> Iterator[int]:
    """Yield a port that is taken, so that nobody else gets it, and refuses connections."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield taken.getsockname()[1]


def certificate(ca: trustme.CA, *names: str, since: int = -14, days: int = 1) -> trustme.LeafCert:
    """Return a certificate that is good between two times, in days from now."""
    now = datetime.datetime.now(datetime.UTC)
    return ca.issue_cert(
        *(names or (HOST, "localhost")),
        not_before=now + datetime.timedelta(days=since),
        not_after=now + datetime.timedelta(days=days),
    )


def chain(leaf: trustme.LeafCert) -> bytes:
    """Return a certificate with those of its authorities."""
    return b"".join(pem.bytes() for pem in leaf.cert_chain_pems)


def server_context(leaf: trustme.LeafCert, *protocols: str) -> ssl.SSLContext:
    """Return a context for a TLS server that is not a gRPC server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
