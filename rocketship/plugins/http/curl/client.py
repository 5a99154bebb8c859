"""Sends requests with pooled libcurl handles; connections stay open between requests and tests."""

from __future__ import annotations

import asyncio

import pycurl

from rocketship.errors import ConnectionFailed
from rocketship.plugins.http.client import Reply, Request
from rocketship.plugins.http.curl.failures import address, explain
from rocketship.plugins.http.curl.multi import Multi
from rocketship.plugins.http.curl.options import Sink, clear, configure
from rocketship.plugins.http.curl.reply import read

MAX_IDLE_CONNECTIONS = 256


class CurlClient:
    """The `HttpClient` of the event loop it was made in."""

    def __init__(self) -> None:
        self._multi = Multi(asyncio.get_running_loop(), max_idle_connections=MAX_IDLE_CONNECTIONS)
        # Handles are reset, never closed: a new one costs more than a whole request on loopback.
        self._idle: list[pycurl.Curl] = []

    async def send(self, request: Request) -> Reply:
        handle = self._idle.pop() if self._idle else pycurl.Curl()
        sink = Sink()
        try:
            configure(handle, request, sink)
            await self._multi.perform(handle)
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
        self._multi.close()
