"""Sends requests with pooled libcurl handles; connections stay open between requests and tests."""

from __future__ import annotations

import asyncio

import pycurl

from rocketship.errors import ConnectionFailed
from rocketship.plugins.http.client import LARGE_BODY_BYTES, Reply, Request
from rocketship.plugins.http.curl.failures import address, explain
from rocketship.plugins.http.curl.multi import Multi
from rocketship.plugins.http.curl.options import Sink, clear, configure
from rocketship.plugins.http.curl.reply import read

MAX_IDLE_CONNECTIONS = 256


class CurlClient:
    """The `HttpClient` of the event loop it was made in."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        # By required version: libcurl would take an open HTTP/1.1 connection where 2 is asked for.
        self._multis: dict[str | None, Multi] = {}
        # Handles are reset, never closed: a new one costs more than a whole request on loopback.
        self._idle: list[pycurl.Curl] = []

    async def send(self, request: Request) -> Reply:
        handle = self._idle.pop() if self._idle else pycurl.Curl()
        sink = Sink()
        try:
            configure(handle, request, sink)
            await self._multi(request.http_version).perform(handle)
            if sink.size > LARGE_BODY_BYTES:
                # Copying takes long, and in a thread keeps nobody waiting: it holds no lock.
                sink.chunks = [await asyncio.to_thread(b"".join, sink.chunks)]
            reply = read(handle, request, sink)
        except pycurl.error as error:
            code, detail = error.args
            raise explain(code, detail, request, handle, sink) from None
        finally:
            clear(handle)
            self._idle.append(handle)
        if request.http_version not in (None, reply.http_version):
            raise ConnectionFailed(
                f"{address(request.url)} answered in HTTP/{reply.http_version}, not in "
                f"HTTP/{request.http_version}",
                hint='leave "http_version" out to take what the server offers',
            )
        return reply

    def close(self) -> None:
        self._idle.clear()
        for multi in self._multis.values():
            multi.close()

    def _multi(self, version: str | None) -> Multi:
        multi = self._multis.get(version)
        if multi is None:
            multi = Multi(self._loop, max_idle_connections=MAX_IDLE_CONNECTIONS)
            self._multis[version] = multi
        return multi
