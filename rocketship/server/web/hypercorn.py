"""HTTP connections by Hypercorn, under our own roof, with the cures for its faults.

Hypercorn's `serve` loses connections when it stops: it waits for them without a limit on newer
Pythons, and cuts them off noisily on older ones. So the accepting, the counting and the stopping is
done here, and Hypercorn does what it is good at: speaking HTTP/1.1 and HTTP/2 on one connection.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import h2.events
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Updated
from hypercorn.protocol.h2 import H2Protocol
from starlette.types import ASGIApp

from rocketship.settings.reader import Address

log = logging.getLogger(__name__)

BACKLOG = 1024
#: Longer than load balancers keep idle connections, so that it is they who close them.
KEEP_ALIVE_SECONDS = 75
MAX_STREAMS = 256
#: At its default, requests in flight on HTTP/2 are lost when the count is reached.
UNLIMITED_REQUESTS = 10**9
CHECK_SECONDS = 0.5


class HttpListener:
    """Accepts connections on a socket and speaks HTTP on them.

    Args:
        app: Answers the requests; it gets no lifespan events.
        listening: The bound socket; the listener owns it from now on.
        context: For TLS, or None.
    """

    def __init__(
        self, app: ASGIApp, listening: socket.socket, context: ssl.SSLContext | None = None
    ) -> None:
        cure()
        self._app = ASGIWrapper(app)  # type: ignore[arg-type]  # the same thing, typed twice
        self._socket = listening
        self._ssl = context
        self._config = _config()
        self._context = WorkerContext(None)
        self._connections: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        host, port = listening.getsockname()[:2]
        self.address = Address(host, port)

    async def start(self) -> None:
        """Begin to accept."""
        self._server = await asyncio.start_server(
            self._connected, sock=self._socket, ssl=self._ssl, backlog=BACKLOG
        )

    async def watch(self) -> None:
        """Return when nothing is accepted any more."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if self._server is None or not self._server.is_serving():
                return

    async def stop(self, grace_seconds: float) -> None:
        """Accept nothing more, let requests end for a while, and cut off what is left."""
        if self._server is None:
            self._socket.close()
            return
        self._server.close()
        await self._context.terminated.set()
        if self._connections:
            await asyncio.wait(self._connections, timeout=grace_seconds)
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        loop = asyncio.get_running_loop()
        try:
            await TCPServer(self._app, loop, self._config, self._context, {}, reader, writer)
        except asyncio.CancelledError:
            # Only `stop` does that; asyncio would complain about every connection.
            writer.transport.abort()
        except Exception:  # one broken connection must not end the listener
            log.exception("http_connection_failed")
        finally:
            self._connections.discard(task)


def _config() -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = log
    config.loglevel = "WARNING"
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.keep_alive_max_requests = UNLIMITED_REQUESTS
    config.h2_max_concurrent_streams = MAX_STREAMS
    return config


def cure() -> None:
    """Repair Hypercorn 0.18, once; each repair has a test that fails without it."""
    if H2Protocol._handle_events is not _handle_events:
        H2Protocol._handle_events = _handle_events  # type: ignore[method-assign]
        H2Protocol.initiate = _initiate  # type: ignore[method-assign]
        TaskGroup.spawn_app = _spawn_app  # type: ignore[method-assign]


_original_handle_events = H2Protocol._handle_events
_original_initiate = H2Protocol.initiate
_original_spawn_app = TaskGroup.spawn_app


async def _initiate(
    self: H2Protocol,
    headers: list[tuple[bytes, bytes]] | None = None,
    settings: bytes | None = None,
) -> None:
    """Be idle until the first request.

    Over plaintext the beginning of HTTP/2 was taken for a request, and a connection that went no
    further stayed open for ever.
    """
    await _original_initiate(self, headers, settings)
    if headers is None:
        await self.send(Updated(idle=True))


async def _handle_events(self: H2Protocol, events: list[h2.events.Event]) -> None:
    """Ignore the rest of a request that has been answered; it ended the whole connection."""
    for event in events:
        if isinstance(event, h2.events.DataReceived) and event.stream_id not in self.streams:
            size = event.flow_controlled_length
            self.connection.acknowledge_received_data(size, event.stream_id)
            await self._flush()
        else:
            await _original_handle_events(self, [event])


async def _spawn_app(
    self: TaskGroup, app: Any, config: Config, scope: Any, send: Callable[[Any], Awaitable[None]]
) -> Callable[[Any], Awaitable[None]]:
    """Never wait for an app whose client is gone, or for a client whose app is cut off.

    An app that does not read a long body leaves a full queue behind, and the connection waited for
    room in it for ever. An app that was cancelled still sent an answer, and waited for ever, too.
    """

    async def tell(message: Any) -> None:
        task = asyncio.current_task()
        if message is not None or task is None or not task.cancelling():
            await send(message)

    put: Any = await _original_spawn_app(self, app, config, scope, tell)
    queue: asyncio.Queue[Any] = put.__self__

    async def deliver(event: Any) -> None:
        if event["type"] == "http.disconnect":
            while not queue.empty():
                queue.get_nowait()
        await queue.put(event)

    return deliver
