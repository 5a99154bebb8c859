"""Hypercorn's faults, each cured: without its cure every test here fails or hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from rocketship.server.rpc.listener import listen
from rocketship.server.web.hypercorn import HttpListener
from rocketship.settings.reader import Address

PATIENCE_SECONDS = 10
#: What HTTP/2 begins with, and settings that say nothing.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


async def answer(send: Any, body: bytes = b"ok") -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def answer_at_once(scope: Any, receive: Any, send: Any) -> None:
    """Answer without a look at the body."""
    await answer(send)


class Http2:
    """A client on one connection, with full control over what it sends and when."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        config = h2.config.H2Configuration(client_side=True)
        self.http = h2.connection.H2Connection(config=config)
        self.http.initiate_connection()
        self.ended: set[int] = set()

    def request(self, method: str = "POST", *, end: bool = False) -> int:
        stream: int = self.http.get_next_available_stream_id()
        headers = [(":method", method), (":path", "/"), (":scheme", "http"), (":authority", "x")]
        self.http.send_headers(stream, headers, end_stream=end)
        return stream

    async def send_body(self, stream: int, size: int) -> None:
        """Send a body as fast as the server lets it."""
        while size:
            room = self.http.local_flow_control_window(stream)
            chunk = min(size, room, self.http.max_outbound_frame_size)
            if chunk:
                self.http.send_data(stream, b"x" * chunk)
                size -= chunk
                await self.flush()
            else:
                await self.receive()
        self.http.end_stream(stream)
        await self.flush()

    async def until_ended(self, stream: int) -> None:
        while stream not in self.ended:
            await self.receive()

    async def flush(self) -> None:
        self._writer.write(self.http.data_to_send())
        await self._writer.drain()

    async def receive(self) -> None:
        await self.flush()
        async with asyncio.timeout(PATIENCE_SECONDS):
            data = await self._reader.read(65536)
        assert data, "the server has closed the connection"
        for event in self.http.receive_data(data):
            if isinstance(event, h2.events.StreamEnded):
                self.ended.add(event.stream_id)
            elif isinstance(event, h2.events.DataReceived):
                size = event.flow_controlled_length
                self.http.acknowledge_received_data(size, event.stream_id)
        await self.flush()


def with_client(app: Any, body: Callable[[Http2, HttpListener], Awaitable[None]]) -> None:
    async def main() -> None:
        listener = HttpListener(app, listen(Address("127.0.0.1", 0), "HTTP", "X"))
        await listener.start()
        address = listener.address
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            await body(Http2(reader, writer), listener)
        finally:
            writer.close()
            await listener.stop(1.0)

    asyncio.run(main())


def test_answer_before_the_body_does_not_end_the_connection() -> None:
    async def body(client: Http2, _: HttpListener) -> None:
        first = client.request()
        await client.until_ended(first)
        await client.send_body(first, 1000)
        second = client.request("GET", end=True)
        await client.until_ended(second)

    with_client(answer_at_once, body)


@pytest.mark.parametrize("megabytes", [1, 4])
def test_long_body_that_nobody_reads_does_not_block_the_connection(megabytes: int) -> None:
    async def body(client: Http2, _: HttpListener) -> None:
        first = client.request()
        await client.send_body(first, megabytes * 1024 * 1024)
        await client.until_ended(first)
        second = client.request("GET", end=True)
        await client.until_ended(second)

    with_client(answer_at_once, body)


def test_body_that_fills_the_queue_before_the_answer_does_not_block_it() -> None:
    full = asyncio.Event()

    async def answer_when_full(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            await full.wait()
        await answer(send)

    async def body(client: Http2, _: HttpListener) -> None:
        first = client.request()
        for _number in range(60):
            client.http.send_data(first, b"x" * 1000)
        second = client.request("GET", end=True)
        await client.flush()
        full.set()
        await client.until_ended(first)
        client.http.end_stream(first)
        await client.until_ended(second)

    with_client(answer_when_full, body)


def test_requests_in_flight_survive_the_thousandth_on_a_connection() -> None:
    async def body(client: Http2, _: HttpListener) -> None:
        for _number in range(30):
            streams = [client.request("GET", end=True) for _ in range(50)]
            for stream in streams:
                await client.until_ended(stream)

    with_client(answer_at_once, body)


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n", PREFACE])
def test_connection_that_never_makes_a_request_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr("rocketship.server.web.hypercorn.KEEP_ALIVE_SECONDS", 0.1)

    async def body(_: Http2, listener: HttpListener) -> None:
        reader, writer = await asyncio.open_connection(listener.address.host, listener.address.port)
        writer.write(sent)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await reader.read()
        writer.close()

    with_client(answer_at_once, body)


def test_stop_ends_although_a_stream_does_not() -> None:
    begun = asyncio.Event()

    async def never(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def body(client: Http2, listener: HttpListener) -> None:
        client.request("GET", end=True)
        await client.flush()
        await begun.wait()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await listener.stop(0.05)

    with_client(never, body)


def test_stop_lets_a_request_end_and_closes_idle_connections() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await go_on.wait()
        await answer(send)

    async def body(client: Http2, listener: HttpListener) -> None:
        address = listener.address
        idle_reader, idle_writer = await asyncio.open_connection(address.host, address.port)
        stream = client.request("GET", end=True)
        await client.flush()
        await begun.wait()
        stopping = asyncio.ensure_future(listener.stop(PATIENCE_SECONDS))
        assert await idle_reader.read() == b""
        idle_writer.close()
        go_on.set()
        await client.until_ended(stream)
        await stopping

    with_client(slow, body)


def test_listener_that_accepts_nothing_more_is_noticed() -> None:
    async def body(_: Http2, listener: HttpListener) -> None:
        assert listener._server is not None
        listener._server.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await listener.watch()

    with_client(answer_at_once, body)
