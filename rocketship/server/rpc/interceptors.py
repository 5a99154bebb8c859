"""What happens around every remote call: its error becomes a status, and it is counted and logged.

The interceptors of a server, outermost first: this one, then the one that decides who is calling.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from rocketship.auth.caller import ANONYMOUS
from rocketship.errors import RocketshipError, Unauthenticated, UsageError
from rocketship.server.callers import CALLER, caller_fields
from rocketship.server.health import HEALTH_SERVICE, Context
from rocketship.server.metrics import Metrics
from rocketship.server.rpc.handlers import Call, shape
from rocketship.wire.status import to_status

log = logging.getLogger(__name__)

#: Asked every few seconds by whoever watches over the engine.
_QUIET_SERVICES = (HEALTH_SERVICE,)


class Requests(grpc.aio.ServerInterceptor):
    """Turns errors into statuses, so that no call ends UNKNOWN; counts and logs every call."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        make, behaviour = shape(handler)
        read = _reader(handler)
        # The request is read inside, because grpc shows the sender what a reader raises.
        wrapped = self._wrap(behaviour, read, handler_call_details.method)
        return make(wrapped, None, handler.response_serializer)

    def _wrap(self, call: Call, read: Callable[[Any], Any], path: str) -> Call:
        service, _, method = path.lstrip("/").partition("/")
        usual = logging.DEBUG if service in _QUIET_SERVICES else logging.INFO

        async def wrapped(received: Any, context: Context) -> Any:
            begun, code, request, response = time.perf_counter(), "CANCELLED", None, None
            level = usual
            try:
                request = read(received)
                response = await call(request, context)
                code = "OK"
            except Exception as error:  # grpc would show its raw text to the caller
                status, text, metadata = to_status(error)
                code = status.name
                if isinstance(error, Unauthenticated) and CALLER.get() is ANONYMOUS:
                    # Strangers cannot fill the log: their calls are told of, within limits.
                    level = logging.DEBUG
                _log_error(error, method)
                await context.abort(status, text, metadata)
            finally:
                seconds = time.perf_counter() - begun
                self._metrics.rpc(method, code, seconds)
                _log_call(level, method, code, seconds, context, request, response)
            return response

        return wrapped


def _reader(handler: Any) -> Callable[[Any], Any]:
    """Return what makes a request, or an iterator of them, out of the bytes that came."""

    def read(data: bytes) -> Any:
        try:
            return handler.request_deserializer(data)
        except DecodeError:
            raise UsageError("the request is not a message of this call") from None

    async def read_each(stream: AsyncIterator[bytes]) -> AsyncIterator[Any]:
        async for data in stream:
            yield read(data)

    return read_each if handler.request_streaming else read


def _log_error(error: Exception, method: str) -> None:
    if isinstance(error, RocketshipError):
        log.debug("rpc_refused", extra={"method": method, "error": error.message})
    else:
        log.error("rpc_failed", exc_info=error, extra={"method": method})


def _log_call(
    level: int,
    method: str,
    code: str,
    seconds: float,
    context: Context,
    request: Any,
    response: Any,
) -> None:
    if not log.isEnabledFor(level):
        return
    fields = {
        "method": method,
        "code": code,
        "ms": seconds * 1000,
        "peer": context.peer(),
        **caller_fields(CALLER.get()),
    }
    run_id = getattr(request, "run_id", "") or getattr(response, "run_id", "")
    log.log(level, "rpc", extra={**fields, "run_id": run_id} if run_id else fields)
