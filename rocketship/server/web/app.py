"""The engine over HTTP: how it fares, for probes, for Prometheus, and for whoever looks by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from rocketship._version import __version__
from rocketship.engine.activity import Activity
from rocketship.engine.service import RunService
from rocketship.server.health import Readiness
from rocketship.server.metrics import Metrics
from rocketship.server.web.hosts import KnownHosts
from rocketship.server.web.middleware import DrainedBody, GrpcVisitors, RequestLog
from rocketship.server.web.origin import SameOrigin, with_cors
from rocketship.server.web.pages.routes import Pages
from rocketship.settings.reader import Address

#: Puts something around an app.
Around: TypeAlias = Callable[[ASGIApp], ASGIApp]
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
PROBE_SECONDS = 1.0
MIN_COMPRESSED_BYTES = 1024
LINKS = {"health": "/healthz", "readiness": "/readyz", "metrics": "/metrics"}
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class HttpApp:
    """The routes, and what they know.

    Args:
        grpc_address: Where gRPC listens.
    """

    def __init__(
        self,
        service: RunService,
        activity: Activity,
        readiness: Readiness,
        metrics: Metrics,
        grpc_address: Address,
    ) -> None:
        self._service = service
        self._readiness = readiness
        self._metrics = metrics
        self._grpc_address = grpc_address
        self._pages = Pages(service, activity, readiness)

    @property
    def routes(self) -> list[BaseRoute]:
        """Everything there is; each path has a rule in `rocketship.auth.policy`."""
        return [
            Route("/", self._root),
            *self._pages.routes(),
            Route("/healthz", self._health),
            Route("/readyz", self._ready),
            Route("/metrics", self._numbers),
        ]

    def build(
        self,
        *,
        api: Around,
        callers: Around,
        origins: Collection[str],
        hosts: Collection[str] | None,
    ) -> ASGIApp:
        """Return the app with everything around it.

        Args:
            api: Adds the API for browsers.
            callers: Finds out who is calling.
            origins: Other sites whose pages may call.
            hosts: Names the engine was given, or None where every name will do.
        """
        handlers: dict[object, Callable[[Request, Exception], Awaitable[Response]]] = {
            HTTPException: _refuse,
            Exception: _failed,
        }
        # Not around the API, whose streams must not wait for company.
        compressed = [Middleware(GZipMiddleware, minimum_size=MIN_COMPRESSED_BYTES)]
        pages = Starlette(routes=self.routes, exception_handlers=handlers, middleware=compressed)
        # Visitors of gRPC get no further than this: they learn their health check, or the port.
        app: ASGIApp = GrpcVisitors(callers(api(pages)), self._readiness, self._grpc_address.port)
        app = SameOrigin(app, origins)
        if origins:
            app = with_cors(app, origins)
        if hosts is not None:
            app = KnownHosts(app, hosts)
        return RequestLog(DrainedBody(app))

    async def _root(self, request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return await self._pages.overview(request)
        about = {"service": "rocketship", **self._status(), "links": LINKS}
        return JSONResponse(about, headers={**_HEADERS, "vary": "accept"})

    async def _health(self, request: Request) -> Response:
        return _json(self._status(), ok=self._readiness.ok)

    async def _ready(self, request: Request) -> Response:
        parts = {**await self._service.health(), "grpc": await self._grpc_answers()}
        ok = self._readiness.ok and all(parts.values())
        words = {name: "ok" if works else "failed" for name, works in parts.items()}
        status = self._readiness.word if ok or not self._readiness.ok else "failed"
        return _json({"status": status, "dependencies": words}, ok=ok)

    async def _numbers(self, request: Request) -> Response:
        return Response(self._metrics.text(), media_type=PROMETHEUS_TEXT)

    def _status(self) -> dict[str, str]:
        return {"status": self._readiness.word, "version": __version__}

    async def _grpc_answers(self) -> bool:
        """Return whether the gRPC listener takes a connection."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(
            self._grpc_address.host, self._grpc_address.host
        )
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                _, writer = await asyncio.open_connection(host, self._grpc_address.port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True


def _json(content: object, *, ok: bool) -> Response:
    return JSONResponse(content, status_code=200 if ok else 503, headers=_HEADERS)


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: f"there is nothing at {request.url.path}"}
    text = words.get(error.status_code, f"{request.method} is not possible here")
    headers = {**_HEADERS, **(error.headers or {})}
    return JSONResponse({"error": text}, status_code=error.status_code, headers=headers)


async def _failed(request: Request, error: Exception) -> Response:
    content = {"error": "the engine failed unexpectedly; its log says where"}
    return JSONResponse(content, status_code=500, headers=_HEADERS)
