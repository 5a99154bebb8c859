"""Serves the servicers of the gRPC listener to browsers, through the same interceptors.

Sonora keeps the table of servicers. What it does with a request is ours: as it is published, its
answers to unary calls cannot be read, errors in the middle of a stream tear the connection, and a
stream nobody reads any more goes on for ever.
"""

from __future__ import annotations

import asyncio
import time
from collections import namedtuple
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import grpc
from sonora.asgi import grpcASGI
from starlette.types import ASGIApp, Receive, Scope, Send

from rocketship.server.callers import CALLER
from rocketship.server.web.grpc_web.call import Aborted, Call
from rocketship.server.web.grpc_web.framing import Encoding, Malformed, encoding_of, read_request
from rocketship.wire._generated import engine_pb2_grpc as pb_grpc

#: What interceptors are told about a call before it begins.
CallDetails = namedtuple("CallDetails", ("method", "invocation_metadata"))
_Resolve = Callable[[Any], Awaitable[Any]]
_Behaviour = Callable[[bytes, Call], Awaitable[Any]]


class GrpcWeb(grpcASGI):  # type: ignore[misc]  # untyped
    """Answers gRPC-web, and hands everything else on.

    Args:
        application: Gets the other requests.
        servicer: The engine's API.
        interceptors: Those of the gRPC listener; the outermost one makes errors statuses and
            streams coroutines that write.
    """

    def __init__(
        self,
        application: ASGIApp,
        servicer: pb_grpc.EngineServicer,
        interceptors: Sequence[grpc.aio.ServerInterceptor],
    ) -> None:
        super().__init__(application, enable_cors=False)
        self._interceptors = tuple(interceptors)
        pb_grpc.add_EngineServicer_to_server(servicer, self)  # type: ignore[no-untyped-call]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        encoding = _encoding(scope)
        if encoding is None:
            await self._application(scope, receive, send)
            return
        call = Call(scope, send, encoding)
        try:
            call.read_headers()
            request = await read_request(receive, encoding)
            behaviour = await self._behaviour(call)
        except Malformed as error:
            await call.finish(error.code, error.text)
            return
        await _carry_out(call, receive, _answer(call, behaviour, request))

    async def _behaviour(self, call: Call) -> _Behaviour:
        """Return what answers a call.

        Raises:
            Malformed: Nothing does, or nothing that a browser could use.
        """
        resolve: _Resolve = self._registered
        for interceptor in reversed(self._interceptors):
            resolve = partial(interceptor.intercept_service, resolve)
        handler = await resolve(CallDetails(call.method, call.invocation_metadata()))
        if handler is None:
            raise Malformed(grpc.StatusCode.UNIMPLEMENTED, f"there is no method {call.method}")
        if handler.request_streaming:
            text = f"{call.method} takes a stream, which browsers cannot send; use gRPC"
            raise Malformed(grpc.StatusCode.UNIMPLEMENTED, text)
        call.serialise = handler.response_serializer
        found: _Behaviour = handler.unary_unary or handler.unary_stream
        return found

    async def _registered(self, details: Any) -> Any:
        return self._get_rpc_handler(details.method)


def _encoding(scope: Scope) -> Encoding | None:
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    return encoding_of(dict(scope["headers"]).get(b"content-type", b""))


async def _answer(call: Call, behaviour: _Behaviour, request: bytes) -> None:
    """Let the servicer answer, and send what it returns or writes."""
    try:
        response = await behaviour(request, call)
        if response is not None:
            await call.write(response)
    except Aborted:
        pass
    await call.finish()


async def _carry_out(call: Call, receive: Receive, answer: Coroutine[Any, Any, None]) -> None:
    """Answer until it is done, the deadline has passed, or nobody is there to read it."""
    limit, code, text = _limit(call)
    work = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({work, gone}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
            return
    finally:
        for task in (work, gone):
            task.cancel()
        await asyncio.wait({work, gone})
    if gone.cancelled():
        await call.finish(code, text)


def _limit(call: Call) -> tuple[float | None, grpc.StatusCode, str]:
    """Return how long a call may take, and what ends it then: its deadline or its token."""
    deadline, expiry = call.time_remaining(), CALLER.get().expires_at
    if expiry is not None:
        left = max(expiry - time.time(), 0.0)
        if deadline is None or left < deadline:
            return left, grpc.StatusCode.UNAUTHENTICATED, "token expired"
    return deadline, grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline has passed"


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
