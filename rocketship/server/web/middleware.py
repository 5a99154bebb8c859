"""What happens around every HTTP request; each piece is an ASGI app around another.

Outermost first: logging, reading what is left of a body, gRPC that came to the wrong port. Who is
calling is found out inside of these, by `auth`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from urllib.parse import quote

import grpc
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rocketship.auth.caller import ANONYMOUS
from rocketship.server.callers import caller_fields
from rocketship.server.health import HEALTH_SERVICE, Readiness
from rocketship.wire.limits import MAX_REQUEST_BYTES

log = logging.getLogger(__name__)

#: A client that still sends while it is answered may never read the answer. So nothing that could
#: be meant as a request is cut off.
MAX_DRAINED_BYTES = 2 * MAX_REQUEST_BYTES
DRAIN_SECONDS = 2.0
UNAUTHORIZED = 401
HEALTH_PATHS = ("/healthz", f"/{HEALTH_SERVICE}/Check")
#: Asked every few seconds by whoever watches over the engine.
QUIET_PATHS = (*HEALTH_PATHS, "/readyz", "/metrics")


class RequestLog:
    """Logs every request with its status and duration."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            # Strangers cannot fill the log: their requests are told of elsewhere, within limits.
            quiet = scope["path"] in QUIET_PATHS or status == UNAUTHORIZED
            level = logging.DEBUG if quiet else logging.INFO
            if log.isEnabledFor(level):
                ms = (time.perf_counter() - begun) * 1000
                peer = (scope.get("client") or ("",))[0]
                principal = scope.get("state", {}).get("principal", ANONYMOUS)
                fields = {
                    "method": scope.get("method", scope["type"]),
                    "path": scope["path"],
                    "status": status,
                    "ms": ms,
                    "peer": peer,
                    **caller_fields(principal),
                }
                log.log(level, "http", extra=fields)


class DrainedBody:
    """Reads what the app left of a request's body, within limits, before it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        complete = False

        async def counted() -> Message:
            nonlocal complete
            message = await receive()
            complete = complete or not message.get("more_body", False)
            return message

        async def drain() -> None:
            size = 0
            while not complete and size <= MAX_DRAINED_BYTES:
                size += len((await counted()).get("body", b""))

        async def drained(message: Message) -> None:
            if message["type"] == "http.response.start" and not complete:
                try:
                    async with asyncio.timeout(DRAIN_SECONDS):
                        await drain()
                except TimeoutError:
                    pass
            await send(message)

        await self._app(scope, counted, drained)


class GrpcVisitors:
    """Answers gRPC on the HTTP port: health checks of load balancers, and the lost.

    Args:
        grpc_port: The port gRPC lives on.
    """

    def __init__(self, app: ASGIApp, readiness: Readiness, grpc_port: int) -> None:
        self._app = app
        self._readiness = readiness
        self._grpc_port = grpc_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_grpc(scope):
            await self._app(scope, receive, send)
        elif scope["path"] in HEALTH_PATHS:
            await self._health(send)
        else:
            hint = f"this is the HTTP port of the engine; its gRPC port is {self._grpc_port}"
            await _answer(send, grpc.StatusCode.UNIMPLEMENTED, hint)

    async def _health(self, send: Send) -> None:
        if not self._readiness.ok:
            # A load balancer looks at the status only, not into the message.
            await _answer(send, grpc.StatusCode.UNAVAILABLE, self._readiness.word)
            return
        serving = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
        await _answer(send, grpc.StatusCode.OK, message=serving.SerializeToString())


def _is_grpc(scope: Scope) -> bool:
    kind = dict(scope["headers"]).get(b"content-type", b"")
    named = kind == b"application/grpc" or kind.startswith(
        (b"application/grpc+", b"application/grpc;")
    )
    return named and "http.response.trailers" in scope.get("extensions", {})


async def _answer(
    send: Send, code: grpc.StatusCode, text: str = "", message: bytes | None = None
) -> None:
    """Answer a gRPC call with at most one message; the status travels in trailers."""
    headers = [(b"content-type", b"application/grpc")]
    body = b"" if message is None else b"\0" + len(message).to_bytes(4, "big") + message
    trailers = [(b"grpc-status", str(code.value[0]).encode())]
    if text:
        trailers.append((b"grpc-message", quote(text, safe=" ;:,'`/").encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
    await send({"type": "http.response.body", "body": body})
    await send({"type": "http.response.trailers", "headers": trailers})
