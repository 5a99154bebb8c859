"""Servers that do what no server should: each fails its own step, in bounded time and memory."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import struct
from typing import Any

import pytest

from rocketship.run.events import StepFinished
from tests.fixtures.http_server import Got, HttpServer, answer, redirect
from tests.fixtures.workbench import Workbench, case, suite

HEAD = b"HTTP/1.1 200 OK\r\n"
#: What one body may be, and 100 MB.
MOST_BYTES, TOO_MANY_BYTES = 64 << 20, 100_000_000
PIECE = bytes(1 << 20)
PEAK_MIB = 512


async def hang(got: Got, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def hang_up(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 100\r\n\r\nhalf")
    await writer.drain()
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def trickle(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.05)


async def promise_more(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 100\r\n\r\nless")
    writer.close()


async def flood(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + f"Content-Length: {TOO_MANY_BYTES}\r\n\r\n".encode())
    for _ in range(TOO_MANY_BYTES // len(PIECE) + 1):
        writer.write(PIECE)
        await writer.drain()


async def chunks_without_end(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"100000\r\n" + PIECE + b"\r\n")
        await writer.drain()


async def headers_without_end(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    while True:
        writer.write(b"X-More: and more\r\n" * 1000)
        await writer.drain()


async def header_without_end(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"X-Long: ")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def promises_without_end(got: Got, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100)
        await writer.drain()


async def trailers_without_end(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n")
    while True:
        writer.write(b"X-More: and more\r\n" * 1000)
        await writer.drain()


def bomb() -> bytes:
    """Return twice as much as a body may be, packed into a thousandth of that."""
    packed = gzip.compress(bytes(2 * MOST_BYTES), compresslevel=1)
    return answer(packed, headers=[("Content-Encoding", "gzip")])


ROUTES: dict[str, Any] = {
    "/hang": hang,
    "/hang-up": hang_up,
    "/reset": reset,
    "/trickle": trickle,
    "/promise-more": promise_more,
    "/promise-less": HEAD + b"Content-Length: 2\r\n\r\n{}and more",
    "/negative": HEAD + b"Content-Length: -5\r\n\r\n{}",
    "/two-lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}{}",
    "/flood": flood,
    "/chunks": chunks_without_end,
    "/headers": headers_without_end,
    "/header": header_without_end,
    "/promises": promises_without_end,
    "/trailers": trailers_without_end,
    "/bomb": bomb(),
    "/not-gzip": answer(b"plain", headers=[("Content-Encoding", "gzip")]),
    "/loop": redirect("/loop"),
    "/not-utf8": answer(b'{"name": "\xff\xfe\xc3("}', headers=[("Content-Type", "text/plain")]),
    "/nonsense": b"\x00\x01\x02 this is no HTTP\r\n\r\n",
    "/deep": answer("[" * 1_000_000 + "]" * 1_000_000),
    "/digits": answer('{"name": ' + "9" * 1_000_000 + "}"),
    "/cookies": answer("{}", headers=[("Set-Cookie", f"c{n}=x") for n in range(3000)]),
}
#: What the step says, by path; nothing means that it passes.
FAILURES: dict[str, str] = {
    "/hang": "TimeoutError: ",
    "/hang-up": "ConnectionError: ",
    "/reset": "ConnectionError: ",
    "/trickle": "TimeoutError: ",
    "/promise-more": "ConnectionError: ",
    "/promise-less": "",
    "/negative": "ConnectionError: ",
    "/two-lengths": "ConnectionError: ",
    "/flood": "larger than 64 MiB",
    "/chunks": "larger than 64 MiB",
    "/headers": "ConnectionError: ",
    "/header": "ConnectionError: ",
    "/promises": "ConnectionError: ",
    "/trailers": "ConnectionError: ",
    "/bomb": "larger than 64 MiB",
    "/not-gzip": "ConnectionError: ",
    "/loop": "redirects",
    "/not-utf8": "the body is not JSON",
    "/nonsense": "ConnectionError: ",
    "/deep": "the body cannot be used: there are more than 200 levels",
    "/digits": "the body is not JSON",
    "/cookies": "",
}


@pytest.mark.slow
def test_every_hostile_server_fails_its_own_step(bench: Workbench):
    with HttpServer(ROUTES) as server:
        tests = [case("Test", ask(server.url(path), path)) for path in ROUTES]
        # The last word of the suite is how much memory the process has had at most.
        peak = bench.say("peak", "grep VmHWM /proc/$PPID/status")
        bench.write("shop.yaml", suite(*tests, cleanup={"always": [peak]}))

        ended = bench.run("run", "shop.yaml", "--concurrency", "4")

    assert ended.code == 1, ended.err
    assert "Traceback" not in ended.out + ended.err
    (run_id,) = bench.run_ids()
    steps = [event for event in bench.events(run_id) if isinstance(event, StepFinished)]
    said = {step.name: step.failure for step in steps if step.name in FAILURES}
    assert said.keys() == FAILURES.keys()
    found = {path: f"{why.type}: {why.message}" if why else "" for path, why in said.items()}
    wrong = {path: why for path, why in found.items() if not fits(FAILURES[path], why)}
    assert wrong == {}
    told = re.search(r"VmHWM:\s+(\d+) kB", ended.out)
    assert told is not None
    assert int(told[1]) >> 10 < PEAK_MIB


def fits(expected: str, found: str) -> bool:
    return expected in found if expected else not found


def ask(url: str, path: str) -> dict[str, Any]:
    timeout = "1500ms" if path in ("/hang", "/trickle") else "30s"
    return {
        "name": path,
        "plugin": "http",
        "config": {"method": "GET", "url": url, "timeout": timeout},
        "assertions": [{"type": "json_path", "path": ".", "operator": "exists"}],
    }
