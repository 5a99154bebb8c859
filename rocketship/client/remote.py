"""An engine somewhere else, over gRPC; a lost connection is taken up again without losing a line.

Everything a run does is numbered, so a stream that was cut continues after the last number seen.
Where streams cannot be had at all, the run is asked for again and again: its verdict always comes
from the engine.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager

from rocketship.client.base import EngineClient
from rocketship.client.channel import Endpoint, Note
from rocketship.client.connection import (
    RETRY_SECONDS,
    Backoff,
    Connection,
    Interrupted,
    open_connection,
)
from rocketship.client.discovery import ServerInfo, compatibility_warning, discover
from rocketship.engine.service import Cancellation, RunDetails
from rocketship.errors import RocketshipError
from rocketship.run.events import Recorded
from rocketship.run.spec import RunSpec
from rocketship.store.base import RunFilter, RunPage, RunRecord
from rocketship.values import to_utf8
from rocketship.wire import convert
from rocketship.wire._generated import engine_pb2 as pb

CREATE_SECONDS = 10.0
CALL_SECONDS = 30.0
#: How long a watched engine may be gone.
PATIENCE_SECONDS = 120.0
#: After this many streams in a row without an event the run is asked for instead.
STREAM_ATTEMPTS = 3


class RemoteClient:
    """An EngineClient over a connection.

    Args:
        server: What the engine says about itself.
        patience_seconds: How long `watch` waits for an engine that is gone.
    """

    def __init__(
        self,
        connection: Connection,
        server: ServerInfo,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.server = server
        self._connection = connection
        self._stub = connection.stub
        self._patience_seconds = patience_seconds

    async def create_run(
        self, spec: RunSpec, env: Mapping[str, str], *, idempotency_key: str = ""
    ) -> str:
        request = convert.spec_to_request(spec, env, idempotency_key or os.urandom(16).hex())
        reply = await self._connection.call(
            self._stub.CreateRun, request, seconds=CREATE_SECONDS, again=True
        )
        return str(reply.run_id)

    async def watch(self, run_id: str, after_seq: int = 0) -> AsyncIterator[Recorded]:
        seq = after_seq
        backoff = Backoff(self._patience_seconds)
        while True:
            try:
                request = pb.WatchRunRequest(run_id=run_id, after_seq=seq, batched=True)
                stream = self._connection.stream(self._stub.WatchRun, request)
                async with aclosing(stream) as messages:
                    async for message in messages:
                        backoff.extend()
                        for item in _after(seq, message.events or [message.event]):
                            backoff.reset()
                            seq = item.seq
                            yield item
                return
            except Interrupted as cut:
                if not await self._connection.recover(cut, backoff):
                    raise _given_up(cut.error, run_id) from cut.__cause__
            if backoff.failures < STREAM_ATTEMPTS or (run := await self._glance(run_id)) is None:
                continue
            backoff.extend()
            for item in _after(seq, run.events):
                seq = item.seq
                yield item
            if convert.details_from(run)[0].status.finished:
                return

    async def _glance(self, run_id: str) -> pb.RunDetails | None:
        """Return the run as it is now, or None when that cannot be had either."""
        try:
            request = pb.GetRunRequest(run_id=run_id, with_events=True)
            reply = await self._connection.attempt(self._stub.GetRun, request, CALL_SECONDS)
        except Interrupted:
            return None
        run: pb.RunDetails = reply.run
        return run

    async def get_run(self, prefix: str) -> RunDetails:
        request = pb.GetRunRequest(run_id=to_utf8(prefix), with_events=True)
        reply = await self._connection.call(
            self._stub.GetRun, request, seconds=CALL_SECONDS, again=True
        )
        return RunDetails(*convert.details_from(reply.run))

    async def get_spec(self, prefix: str) -> RunSpec:
        request = pb.GetRunSpecRequest(run_id=to_utf8(prefix))
        reply = await self._connection.call(
            self._stub.GetRunSpec, request, seconds=CALL_SECONDS, again=True
        )
        return convert.request_to_spec(reply.request)[0]

    async def list_runs(self, query: RunFilter) -> RunPage:
        reply = await self._connection.call(
            self._stub.ListRuns,
            convert.filter_to_request(query),
            seconds=CALL_SECONDS,
            again=True,
        )
        return convert.page_from(reply)

    async def cancel_run(self, prefix: str, *, reason: str, force: bool = False) -> Cancellation:
        request = pb.CancelRunRequest(run_id=to_utf8(prefix), reason=to_utf8(reason), force=force)
        reply = await self._connection.call(
            self._stub.CancelRun, request, seconds=CALL_SECONDS, again=True
        )
        return Cancellation(reply.success, reply.message)

    async def delete_run(self, prefix: str) -> str:
        reply = await self._connection.call(
            self._stub.DeleteRun, pb.DeleteRunRequest(run_id=to_utf8(prefix)), seconds=CALL_SECONDS
        )
        return str(reply.run_id)

    @property
    def recovered(self) -> tuple[RunRecord, ...]:
        return ()


@asynccontextmanager
async def open_remote(
    endpoint: Endpoint,
    *,
    note: Note,
    warn: Note,
    retry_seconds: float = RETRY_SECONDS,
    patience_seconds: float = PATIENCE_SECONDS,
) -> AsyncIterator[EngineClient]:
    """Connect to an engine of either kind for as long as the context lasts.

    Args:
        endpoint: Where and how.
        note: Told when the connection is lost and when it is back.
        warn: Told what is unsafe, and what the engine cannot do.
        retry_seconds: How long calls are repeated that may be.
        patience_seconds: How long a watched engine may be gone.

    Raises:
        UsageError: The TLS options cannot be used.
        Infrastructure: The engine cannot be used.
    """
    async with open_connection(
        endpoint, note=note, warn=warn, retry_seconds=retry_seconds
    ) as connection:
        server = await discover(connection)
        if warning := compatibility_warning(server):
            warn(warning)
        connection.sign_in(server.asked)
        if server.legacy:
            from rocketship.client.legacy import LegacyClient

            yield LegacyClient(connection, server, patience_seconds=patience_seconds)
        else:
            yield RemoteClient(connection, server, patience_seconds=patience_seconds)


def _after(seq: int, events: Iterable[pb.Event]) -> list[Recorded]:
    """Return the events after a number; a heartbeat has number 0, a newer kind is passed over."""
    found = (convert.recorded_from(event) for event in events if event.seq > seq)
    return [item for item in found if item is not None]


def _given_up(error: RocketshipError, run_id: str) -> RocketshipError:
    hint = f"the run may go on without us; `rocketship get {run_id}` tells how it ended"
    return type(error)(error.message, hint=hint)
