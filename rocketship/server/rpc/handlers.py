"""The four shapes of remote calls as one: something that reads a request and writes responses."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc

from rocketship.server.health import Context

Call: TypeAlias = Callable[[Any, Context], Awaitable[Any]]


def shape(handler: Any) -> tuple[Callable[..., Any], Call]:
    """Return what makes handlers of this shape, and the behaviour, which writes its responses."""
    shapes = {
        (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
        (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
        (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
        (True, True): (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
    }
    make, behaviour = shapes[handler.request_streaming, handler.response_streaming]
    return make, _writing(behaviour) if inspect.isasyncgenfunction(behaviour) else behaviour


def _writing(generate: Callable[[Any, Any], Any]) -> Call:
    async def write_all(request: Any, context: Context) -> None:
        async for response in generate(request, context):
            await context.write(response)

    return write_all
