from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import threading
import zlib
from collections.abc import Iterator

import pytest

from rocketship.errors import ConnectionFailed, PluginError, StepTimeout
from rocketship.plugins.http import client as port
from rocketship.plugins.http.curl import multi, options
from rocketship.plugins.http.curl.sockets import EpollSockets, LoopSockets
from rocketship.plugins.http.plugin import Http
from tests.fixtures.http_server import Got, HttpServer, answer
from tests.plugins.http.steps import make_call, run, with_plugin


@pytest.fixture(params=[EpollSockets, LoopSockets], autouse=True)
def watched_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every system has one of the two; here both are tried."""
    monkeypatch.setattr(multi, "watch_sockets", request.param)


async def silent(got: Got, writer: asyncio.StreamWriter) -> None:
    """Never answers; ends when the client hangs up or the server stops."""
    await asyncio.get_running_loop().create_future()


def says(*pieces: bytes, close: bool = True):
    """Return a route that sends raw bytes piece by piece."""

    async def route(got: Got, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if close:
            writer.close()

    return route


async def reset(got: Got, writer: asyncio.StreamWriter) -> None:
    """Breaks the connection instead of closing it."""
    linger_no_time = struct.pack("ii", 1, 0)
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_no_time)
    writer.transport.abort()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, kept from others meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_reply_has_status_reason_headers_and_address():
    raw = answer("hi", "418 I'm a teapot", [("X-A", "1"), ("x-a", "2"), ("X-U", "ü")])
    with HttpServer({"/": raw}) as server:
        reply = run({"url": server.url()}).subject.reply
        assert reply.remote == f"127.0.0.1:{server.port}"
    assert (reply.status, reply.reason, reply.http_version) == (418, "I'm a teapot", "1.1")
    assert reply.headers[:3] == (("X-A", "1"), ("x-a", "2"), ("X-U", "ü"))
    assert reply.body == b"hi"


def test_interim_answers_are_passed_over():
    raw = says(b"HTTP/1.1 103 Early Hints\r\nX-A: early\r\n\r\n", answer("done", "201 Created"))
    with HttpServer({"/": raw}) as server:
        response = run({"url": server.url()}).subject
    assert (response.reply.status, response.header("x-a"), response.text) == (201, None, "done")


def test_chunked_body_and_trailers_are_read():
    raw = says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n",
        b"5\r\nhello\r\n",
        b"6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n",
    )
    with HttpServer({"/": raw}) as server:
        response = run({"url": server.url()}).subject
    assert (response.text, response.header("x-sum")) == ("hello world", "11")


def test_body_without_length_ends_with_the_connection():
    with HttpServer({"/": says(b"HTTP/1.0 200 OK\r\n\r\nto the end")}) as server:
        reply = run({"url": server.url()}).subject.reply
    assert (reply.body, reply.http_version) == (b"to the end", "1.0")


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_body_is_unpacked(coding, pack):
    raw = answer(pack(b"plain" * 100), headers=[("Content-Encoding", coding)])
    with HttpServer({"/": raw}) as server:
        assert run({"url": server.url()}).subject.reply.body == b"plain" * 100
        assert coding in str(server.got[0].one("accept-encoding"))


def test_accept_encoding_of_the_suite_is_sent_alone():
    with HttpServer({"/": answer("x")}) as server:
        run({"url": server.url(), "headers": {"accept-encoding": "identity"}})
        assert server.got[0].all("accept-encoding") == ["identity"]


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (says(), "closed the connection without an answer"),
        (reset, "broke the connection"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), "in the middle of the body"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "did not answer in HTTP"),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip"),
            "cannot be decompressed",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "broke the connection",
        ),
    ],
)
def test_broken_answer_is_a_connection_error_that_names_the_address(route, words):
    with HttpServer({"/": route}) as server:
        outcome = run({"url": server.url()})
        place = f"127.0.0.1:{server.port}"
    assert isinstance(outcome.failure, ConnectionFailed)
    assert outcome.failure.message.startswith(place)
    assert words in outcome.failure.message
    assert outcome.subject is None
    assert outcome.request["url"] == f"http://{place}/"
    assert outcome.reproduce.startswith("curl ")


def test_refused_connection_says_where_and_what_to_do(closed_port):
    failure = run({"url": f"http://127.0.0.1:{closed_port}/"}).failure
    assert isinstance(failure, ConnectionFailed)
    assert failure.message == f"cannot connect to 127.0.0.1:{closed_port}: connection refused"
    assert "running" in str(failure.hint)


def test_unknown_host_is_named():
    failure = run({"url": "http://nobody.invalid/"}).failure
    assert isinstance(failure, ConnectionFailed)
    assert "nobody.invalid" in failure.message


def test_timeout_before_the_answer():
    with HttpServer({"/": silent}) as server:
        failure = run({"url": server.url(), "timeout": "100ms"}).failure
        assert isinstance(failure, StepTimeout)
        assert failure.message.startswith(f"127.0.0.1:{server.port} did not answer within ")
        server.wait_for_hang_up()


def test_timeouts_are_kept_in_whichever_order_they_come():
    """The timer of one transfer serves all: a later one may be due before it or after it."""

    async def scenario(plugin: Http) -> None:
        async def hang(timeout: str) -> str:
            outcome = await plugin.run(make_call({"url": server.url(), "timeout": timeout}))
            assert isinstance(outcome.failure, StepTimeout)
            ended.append(timeout)
            return timeout

        await hang("50ms")
        await hang("100ms")
        await asyncio.gather(*map(hang, ("900ms", "50ms", "600ms", "300ms")))

    ended: list[str] = []
    with HttpServer({"/": silent}) as server:
        with_plugin(scenario)
    assert ended == ["50ms", "100ms", "50ms", "300ms", "600ms", "900ms"]


def test_timeout_in_the_middle_of_the_answer():
    slow = says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", close=False)
    with HttpServer({"/": slow}) as server:
        failure = run({"url": server.url(), "timeout": "100ms"}).failure
    assert isinstance(failure, StepTimeout)
    assert "was not complete" in failure.message


def test_connect_timeout_is_kept():
    # A full accept queue lets nobody in: the handshake of the kernel never ends.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(place)
        failure = run({"url": f"http://127.0.0.1:{place[1]}/", "connect_timeout": "30ms"}).failure
        for one in waiting:
            one.close()
    assert isinstance(failure, StepTimeout)
    assert failure.message.startswith(f"no connection to 127.0.0.1:{place[1]} within ")


def test_cancelling_closes_the_connection_at_once():
    def scenario(server: HttpServer):
        async def main(plugin):
            step = asyncio.create_task(plugin.run(make_call({"url": server.url()})))
            await asyncio.to_thread(arrived.wait)
            step.cancel()
            with pytest.raises(asyncio.CancelledError):
                await step
            await asyncio.to_thread(server.wait_for_hang_up)  # while the plugin is still open
            return (await plugin.run(make_call({"url": server.url("/ok")}))).subject.text

        return main

    arrived = threading.Event()

    async def hold(got: Got, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await silent(got, writer)

    with HttpServer({"/": hold, "/ok": answer("still works")}) as server:
        assert with_plugin(scenario(server)) == "still works"


def test_connections_are_reused_and_timings_tell():
    async def scenario(plugin):
        return [await plugin.run(make_call({"url": server.url()})) for _ in range(3)]

    with HttpServer({"/": answer("x")}) as server:
        first, *later = with_plugin(scenario)
        assert server.connections == 1
    assert first.response["reused"] is False
    assert list(first.timings) == ["dns", "connect", "first_byte", "download", "total"]
    assert sum(first.timings.values()) <= 2 * first.timings["total"]
    for outcome in later:
        assert outcome.response["reused"] is True
        assert list(outcome.timings) == ["first_byte", "download", "total"]


def test_hundred_requests_at_once_and_again_on_the_same_connections():
    async def scenario(plugin):
        calls = [make_call({"url": server.url(f"/{n}")}) for n in range(100)]
        for _ in range(2):
            outcomes = await asyncio.gather(*(plugin.run(call) for call in calls))
            assert [o.subject.text for o in outcomes] == [f"/{n}" for n in range(100)]

    with HttpServer({"*": lambda got: answer(got.target)}) as server:
        with_plugin(scenario)
        assert len(server.got) == 200
        assert server.connections <= 100


def test_stale_connection_is_replaced():
    once = [answer("first", headers=[("Connection", "keep-alive")])]

    async def route(got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(once[0])
        await writer.drain()
        writer.close()

    async def scenario(plugin):
        for _ in range(2):
            outcome = await plugin.run(make_call({"url": server.url(), "method": "POST"}))
            assert outcome.subject.text == "first"
            await asyncio.to_thread(server.wait_for_hang_up)

    with HttpServer({"/": route}) as server:
        with_plugin(scenario)
        assert server.connections == 2


def test_nothing_of_a_request_is_left_for_the_next():
    rich = {
        "method": "PUT",
        "body": "x",
        "headers": {"X-A": "1", "Host": "other"},
        "auth": {"digest": {"username": "u", "password": "p"}},
        "timeout": "5s",
        "http_version": "1.1",
    }

    async def scenario(plugin):
        await plugin.run(make_call({"url": server.url(), **rich}))
        await plugin.run(make_call({"url": server.url()}))

    with HttpServer({"/": answer("x", headers=[("Set-Cookie", "a=1")])}) as server:
        with_plugin(scenario)
        last = server.got[-1]
    assert (last.method, last.body) == ("GET", b"")
    assert {name for name, _ in last.headers} == {"Host", "Accept-Encoding", "Accept", "User-Agent"}


def test_big_bodies_travel_both_ways():
    big = b"0123456789abcdef" * 65536 * 8

    with HttpServer({"/": lambda got: answer(got.body)}) as server:
        outcome = run(
            {"url": server.url(), "method": "POST", "body_file": "big"}, files={"big": big}
        )
    assert outcome.subject.reply.body == big
    assert outcome.response["body_bytes"] == len(big)
    assert outcome.response["truncated"] is True
    assert len(outcome.response["body"]) == 64 * 1024


def test_endless_body_is_refused(monkeypatch):
    monkeypatch.setattr(options, "MAX_BODY_BYTES", 10_000)

    async def endless(got: Got, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 5000)
            await writer.drain()

    with HttpServer({"/": endless}) as server:
        failure = run({"url": server.url()}).failure
        server.wait_for_hang_up()
    assert isinstance(failure, PluginError)
    assert f"larger than {port.MAX_BODY_BYTES // 2**20} MiB" in failure.message


def test_compression_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(options, "MAX_BODY_BYTES", 10_000)
    bomb = answer(gzip.compress(bytes(10_000_000)), headers=[("Content-Encoding", "gzip")])
    with HttpServer({"/": bomb}) as server:
        assert isinstance(run({"url": server.url()}).failure, PluginError)
