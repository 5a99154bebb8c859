"""One call of a browser: what servicers and interceptors know as the context of a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NoReturn

import grpc
from starlette.types import Scope, Send

from rocketship.server.web.grpc_web.framing import (
    Encoding,
    Metadata,
    read_metadata,
    read_timeout,
    written,
)

_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    # Proxies that collect answers would hold a stream back.
    (b"x-accel-buffering", b"no"),
)


class Aborted(Exception):
    """Unwinds a servicer whose call has its status already."""


class Call:
    """A call on its way; has as much of `grpc.aio.ServicerContext` as servicers here use.

    Attributes:
        method: The path, as gRPC names methods.
        serialise: Writes a message of the answer out; that of the method, once it is known.
    """

    def __init__(self, scope: Scope, send: Send, encoding: Encoding) -> None:
        self.method: str = scope["path"]
        self.serialise: Callable[[Any], bytes] = bytes
        self._client = scope.get("client") or ("", 0)
        self._headers = scope["headers"]
        self._send = send
        self._encoding = encoding
        self._deadline: float | None = None
        self._invocation: Metadata = ()
        self._initial: Metadata = ()
        self._trailing: Metadata = ()
        self._code = grpc.StatusCode.OK
        self._details = ""
        self._begun = False

    def read_headers(self) -> None:
        """Take what the caller says beside the message.

        Raises:
            Malformed: It cannot be understood.
        """
        self._invocation = read_metadata(self._headers)
        timeout = read_timeout(str(dict(self._invocation).get("grpc-timeout", "")))
        if timeout is not None:
            self._deadline = time.monotonic() + timeout

    # What servicers and interceptors see

    def invocation_metadata(self) -> Metadata:
        return self._invocation

    def peer(self) -> str:
        host, port = self._client[:2]
        return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

    def time_remaining(self) -> float | None:
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        self._initial = tuple(metadata)

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        self._trailing = tuple(metadata)

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()
    ) -> NoReturn:
        self._code, self._details = code, details
        self._trailing = tuple(trailing_metadata) or self._trailing
        raise Aborted

    async def write(self, message: Any) -> None:
        await self._begin()
        await self._part(self._encoding.message(self.serialise(message)), more=True)

    # What the bridge does

    async def finish(self, code: grpc.StatusCode | None = None, text: str = "") -> None:
        """End the answer with a status: the given one, or what the servicer left."""
        await self._begin()
        if code is not None:
            self._code, self._details = code, text
        await self._part(
            self._encoding.trailers(self._code, self._details, self._trailing), more=False
        )

    async def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        headers = [(b"content-type", self._encoding.content_type), *_HEADERS]
        headers += [(name.encode(), value.encode()) for name, value in written(self._initial)]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def _part(self, body: bytes, *, more: bool) -> None:
        part: dict[str, Any] = {"type": "http.response.body", "body": body, "more_body": more}
        await self._send(part)
