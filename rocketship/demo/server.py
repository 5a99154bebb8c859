"""Runs the sample API on a loopback port, beside whatever else the process does."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rocketship.errors import Infrastructure, UsageError

if TYPE_CHECKING:
    from hypercorn.config import Config
    from hypercorn.typing import ASGIFramework
    from starlette.applications import Starlette

HOST = "127.0.0.1"
BACKLOG = 512
#: How long open connections may still take when the server stops.
GRACE_SECONDS = 0.5
#: Longer than a test run pauses between two requests, so that kept connections stay usable.
KEEP_ALIVE_SECONDS = 60


def sample_app() -> Starlette:
    """Return the bundled API."""
    from rocketship.demo.app import create_app

    return create_app()


class SampleApi:
    """A server that lives as long as its `with` block.

    The port listens as soon as the block begins, while a thread still loads the application:
    requests sent meanwhile wait in the socket's backlog, so entering takes next to no time.

    Args:
        create: Makes the application; called in the server's thread.
        port: The port to listen on; 0 takes a free one.

    Raises:
        UsageError: On entering, when the port cannot be used.
        Infrastructure: On leaving, when the server could not run.
    """

    def __init__(self, create: Callable[[], Starlette] = sample_app, *, port: int = 0) -> None:
        self._create = create
        self._port = port
        self._stop: Future[None] = Future()
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; known inside the block."""
        return f"http://{HOST}:{self._port}"

    def __enter__(self) -> Self:
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        # A daemon, so that a process that is told to end does not wait for it.
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="sample-api", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._stop.done():
            self._stop.set_result(None)
        if self._thread is not None:
            self._thread.join()
        if self._failure is not None:
            raise Infrastructure(f"the sample API failed: {self._failure}") from self._failure

    def _run(self, listener: socket.socket) -> None:
        try:
            asyncio.run(self._serve(listener))
        except Exception as failure:  # told by whoever leaves the block; a thread has no caller
            self._failure = failure
        finally:
            # Clients still waiting in the backlog learn that nobody will answer.
            listener.close()

    async def _serve(self, listener: socket.socket) -> None:
        from hypercorn.asyncio import serve

        asyncio.get_running_loop().set_exception_handler(_report)
        stop = asyncio.wrap_future(self._stop)
        app, config = _http_only(self._create()), _config()
        # From here on the server owns the socket and closes it.
        config.bind = [f"fd://{listener.detach()}"]
        server = asyncio.create_task(
            serve(app, config, shutdown_trigger=lambda: asyncio.shield(stop))
        )
        await asyncio.wait({server, stop}, return_when=asyncio.FIRST_COMPLETED)
        # Hypercorn's own limit is not observed on every Python version.
        await asyncio.wait({server}, timeout=2 * GRACE_SECONDS)
        if not server.cancel():
            server.result()


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # Python 3.11 complains about every connection that is cut off at the end.
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


def _http_only(app: Starlette) -> ASGIFramework:
    """Keep the lifespan protocol away: nothing needs it, and cut short it complains."""

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await app(scope, receive, send)

    return handle


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"the sample API cannot listen on {HOST}:{port}: {error}",
            hint="choose another port, or 0 for a free one",
        ) from error
    return listener


def _config() -> Config:
    from hypercorn.config import Config

    config = Config()
    config.backlog = BACKLOG
    config.errorlog = logging.getLogger("rocketship.demo")
    config.loglevel = "WARNING"
    config.graceful_timeout = GRACE_SECONDS
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    # At its default the server drops HTTP/2 requests in flight when the count is reached.
    config.keep_alive_max_requests = 10**9
    return config
