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
from rocketship.errors import RocketshipError, Unreachable
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
        self._heard = False
        self._lost = False

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
        if backoff.spent():
            return False
        if not self._lost:
            self._note(f"{cut.error.message}; trying again")
            self._lost = True
        await backoff.pause()
        return True

    async def attempt(self, rpc: Any, request: Any, seconds: float) -> Any:
        """Make a call once.

        Raises:
            Interrupted: The connection was lost.
            RocketshipError: As for `call`.
        """
        connected = await self._connect()
        try:
            reply = await rpc(request, timeout=seconds)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error, connected, seconds) from error
        self._works()
        return reply

    async def stream(self, rpc: Any, request: Any) -> AsyncGenerator[Any]:
        """Yield the messages of a streaming call; errors as for `attempt`."""
        connected = await self._connect()
        call = rpc(request)
        try:
            async for message in call:
                self._works()
                yield message
        except grpc.aio.AioRpcError as error:
            raise self._failure(error, connected, None) from error
        finally:
            call.cancel()

    async def _connect(self) -> bool:
        try:
            return await connect(self._channel, self.endpoint)
        except Unreachable as error:
            raise Interrupted(error) if self._heard else error from None

    def _failure(
        self, error: grpc.aio.AioRpcError, connected: bool, seconds: float | None
    ) -> Exception:
        explained = status.from_rpc(error) or diagnose.explain(
            error, self.endpoint, connected=connected, seconds=seconds
        )
        lost = error.code() is grpc.StatusCode.UNAVAILABLE or diagnose.cut_off(error)
        return Interrupted(explained) if lost and self._heard else explained

    def _works(self) -> None:
        self._heard = True
        if self._lost:
            self._note(f"connected to the engine at {self.endpoint} again")
            self._lost = False


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
