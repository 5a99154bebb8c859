"""Finds out who makes a remote call, before its first message is read.

It stands inside `Requests`, which makes a status of what is raised here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc

from rocketship.auth.authenticator import Authenticator
from rocketship.auth.caller import Credentials, Principal
from rocketship.auth.policy import rule_of_call
from rocketship.errors import RocketshipError, Unauthenticated
from rocketship.server.callers import CALLER, Refusals
from rocketship.server.health import Context
from rocketship.server.rpc.handlers import shape


class Callers(grpc.aio.ServerInterceptor):
    """Lets those calls through whose callers may make them."""

    def __init__(self, authenticator: Authenticator, refusals: Refusals) -> None:
        self._authenticator = authenticator
        self._refusals = refusals

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        path = handler_call_details.method
        credentials = _credentials(handler_call_details.invocation_metadata)
        try:
            principal = await self._authenticator.admit(rule_of_call(path), credentials)
        except RocketshipError as error:
            return self._refusing(handler, error, path)
        CALLER.set(principal)
        streams = handler.request_streaming or handler.response_streaming
        if principal.expires_at is None or not streams:
            return handler
        return _ending(handler, principal)

    def _refusing(self, handler: Any, error: RocketshipError, path: str) -> Any:
        async def refuse(received: Any, context: Context) -> None:
            self._refusals.tell(error, path, context.peer())
            raise error

        make, _ = shape(handler)
        # What strangers send is not even parsed.
        return make(refuse, bytes, handler.response_serializer)


def _credentials(metadata: Sequence[tuple[str, str | bytes]]) -> Credentials:
    values = tuple(
        value if isinstance(value, str) else value.decode("latin-1")
        for key, value in metadata
        if key == "authorization"
    )
    return Credentials(authorization=values)


def _ending(handler: Any, principal: Principal) -> Any:
    """Return a handler that ends with its caller's token; clients get another and go on."""
    make, behaviour = shape(handler)

    async def until_expired(request: Any, context: Context) -> Any:
        seconds = (principal.expires_at or 0.0) - time.time()
        limit = asyncio.timeout(max(seconds, 0.0))
        try:
            async with limit:
                return await behaviour(request, context)
        except TimeoutError:
            if not limit.expired():
                raise
            hint = "get another one, and go on from where this ended"
            raise Unauthenticated("token expired", hint=hint) from None

    return make(until_expired, handler.request_deserializer, handler.response_serializer)
