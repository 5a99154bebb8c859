"""A connection to one engine: calls, made again where that is right, and failures in plain words.

An engine that was heard of and is lost is tried again; one that never answered fails at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rocketship.client import diagnose
from rocketship.client.channel import Endpoint, Note, connect, open_channel
from rocketship.client.credentials import Asked
from rocketship.client.session import Session
from rocketship.errors import RocketshipError, Unauthenticated, Unreachable
from rocketship.wire import status
from rocketship.wire._generated.engine_pb2_grpc import EngineStub
from rocketship.wire.quiet import grpc

#: How long calls that may be repeated are, when an engine that was there is gone.
RETRY_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 2.0


class Interrupted(Exception):
    """A call was cut off by the loss of the connection, and may work if it is made again."""

    def __init__(self, error: RocketshipError) -> None:
        super().__init__(error.message)
        self.error = error


class Renewed(Interrupted):
    """A call was refused for its token, and there is another token now."""


class Backoff:
    """Pauses between attempts that grow until patience has run out.

    Attributes:
        failures: How many attempts have failed since the last `reset`.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._patience = patience_seconds
        self._until: float | None = None
        self.failures = 0

    def reset(self) -> None:
        """Begin anew after a success."""
        self.failures, self._until = 0, None

    def extend(self) -> None:
        """Have full patience again, without shorter pauses."""
        self._until = None

    def spent(self) -> bool:
        """Return whether there should be no further attempt; the first time starts the clock."""
        now = asyncio.get_running_loop().time()
        self._until = self._until or now + self._patience
        return now >= self._until

    async def pause(self) -> None:
        """Wait for the next attempt."""
        await asyncio.sleep(min(FIRST_PAUSE_SECONDS * 2**self.failures, MAX_PAUSE_SECONDS))
        self.failures += 1


#: How calls end at an engine that stops. That of a call which reached it behind a proxy, when it
#: took no more, is CANCELLED, which the library never makes of our own cancellations.
_LEFT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class Connection:
    """A channel to one engine whose failures are errors in plain words.

    Args:
        note: Told when the connection is lost and when it is back.
        retry_seconds: How long calls are repeated that may be.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        endpoint: Endpoint,
        note: Note,
        *,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.endpoint = endpoint
        self.stub: Any = EngineStub(channel)  # type: ignore[no-untyped-call]
        self._channel = channel
        self._note = note
        self._retry_seconds = retry_seconds
        self._session = Session(endpoint, note)
        self._heard = False
        self._lost = False

    def sign_in(self, asked: Asked) -> None:
        """Show from now on who is calling, in the way the engine asks for."""
        self._session.begin(asked)

    async def call(self, rpc: Any, request: Any, *, seconds: float, again: bool = False) -> Any:
        """Make a call and return its answer.

        Args:
            rpc: A method of the stub.
            request: Its message.
            seconds: The deadline, beside the time to connect.
            again: Whether the call does no harm when it is made twice.

        Raises:
            RocketshipError: What the engine raised, or why it cannot be used.
        """
        backoff = Backoff(self._retry_seconds if again else 0)
        while True:
            try:
                return await self.attempt(rpc, request, seconds)
            except Interrupted as cut:
                if not await self.recover(cut, backoff):
                    raise cut.error from cut.__cause__

    async def recover(self, cut: Interrupted, backoff: Backoff) -> bool:
        """Wait for the next attempt and say why, once; return False when there should be none."""
        if isinstance(cut, Renewed):
            return True
        if backoff.spent():
            return False
        if not self._lost:
            self._note(f"{cut.error.message}; trying again")
            self._lost = True
        await backoff.pause()
        return True

    async def attempt(self, rpc: Any, request: Any, seconds: float) -> Any:
        """Make a call once, and once more when its token was refused and there is another.

        Raises:
            Interrupted: The connection was lost.
            RocketshipError: As for `call`.
        """
        while True:
            token = await self._token()
            connected = await self._connect()
            try:
                reply = await rpc(request, timeout=seconds, metadata=_metadata(token))
            except grpc.aio.AioRpcError as error:
                failure = await self._failure(error, connected, seconds, token)
                if isinstance(failure, Renewed):
                    continue
                raise failure from error
            self._works()
            return reply

    async def stream(self, rpc: Any, request: Any) -> AsyncGenerator[Any]:
        """Yield the messages of a streaming call.

        Raises:
            Interrupted: The connection was lost, or the token has ended and there is another.
            RocketshipError: As for `call`.
        """
        token = await self._token()
        connected = await self._connect()
        call = rpc(request, metadata=_metadata(token))
        try:
            async for message in call:
                self._works()
                yield message
        except grpc.aio.AioRpcError as error:
            raise await self._failure(error, connected, None, token) from error
        finally:
            call.cancel()

    async def _token(self) -> str | None:
        try:
            return await self._session.token()
        except Unreachable as error:
            raise self._lost_or_never_had(error) from error

    async def _connect(self) -> bool:
        try:
            return await connect(self._channel, self.endpoint)
        except Unreachable as error:
            raise self._lost_or_never_had(error) from None

    def _lost_or_never_had(self, error: RocketshipError) -> Exception:
        """Return what to raise for an engine that cannot be used at the moment."""
        return Interrupted(error) if self._heard else error

    async def _failure(
        self,
        error: grpc.aio.AioRpcError,
        connected: bool,
        seconds: float | None,
        token: str | None,
    ) -> Exception:
        explained = status.from_rpc(error) or diagnose.explain(
            error, self.endpoint, connected=connected, seconds=seconds
        )
        if isinstance(explained, Unauthenticated):
            try:
                if await self._session.renewed(token):
                    return Renewed(explained)
            except Unreachable as down:
                return self._lost_or_never_had(down)
            if not explained.message.startswith("the engine at "):
                said = f"the engine at {self.endpoint} refuses the call: {explained.message}"
                explained = Unauthenticated(said)
            return self._session.refused(explained, token)
        lost = error.code() in _LEFT or diagnose.cut_off(error)
        return self._lost_or_never_had(explained) if lost else explained

    def _works(self) -> None:
        self._heard = True
        self._session.accepted()
        if self._lost:
            self._note(f"connected to the engine at {self.endpoint} again")
            self._lost = False


def _metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),) if token else ()


@asynccontextmanager
async def open_connection(
    endpoint: Endpoint, *, note: Note, warn: Note, retry_seconds: float = RETRY_SECONDS
) -> AsyncIterator[Connection]:
    """Open a connection for as long as the context lasts; errors as for `open_channel`."""
    channel = await open_channel(endpoint, warn)
    try:
        yield Connection(channel, endpoint, note, retry_seconds=retry_seconds)
    finally:
        await channel.close()
