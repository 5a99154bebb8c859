"""A worker's way to the engines: plans come in, reports go out, over calls that the worker makes.

An engine that is away is waited for, and any of several will do. Reports are sent in batches over
one stream, each after the one before it is stored; what was not answered is sent again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rocketship.client import diagnose
from rocketship.client.channel import Endpoint, open_channel
from rocketship.client.connection import Backoff
from rocketship.client.session import unsafe
from rocketship.client.worker.spool import Spool
from rocketship.engine.planning import Planner
from rocketship.errors import Infrastructure, Refused, RocketshipError
from rocketship.run.events import Event, LogEmitted, encode
from rocketship.runtime.ports import RunSource
from rocketship.values import JsonObject, to_ascii_json
from rocketship.wire import convert, status
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated.engine_pb2_grpc import EngineStub
from rocketship.wire.quiet import grpc

log = logging.getLogger(__name__)

CALL_SECONDS = 30.0
#: How long a batch may take to be answered; a connection that was cut without a word shows so.
ANSWER_SECONDS = 5.0
BATCH_EVENTS = 500
#: How long an event may wait for company; what a batch costs is mostly the same for any size.
GATHER_SECONDS = 0.01
BATCH_BYTES = 1024 * 1024
#: Plans of runs that a worker remembers.
MAX_PLANS = 64
_PATIENCE = float("inf")


class Gateway:
    """Plans, reports and kept values by way of the engines at an address.

    Attributes:
        connected: Whether the last exchange with an engine went well.
    """

    def __init__(self, endpoint: Endpoint, token: str, planner: Planner) -> None:
        self.connected = False
        self._endpoint = endpoint
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._planner = planner
        self._channel: grpc.aio.Channel | None = None
        self._plans: OrderedDict[str, asyncio.Future[RunSource]] = OrderedDict()
        self._spool = Spool()
        self._filled = asyncio.Event()
        self._taken = 0
        self._stored = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._left_out = 0

    # The key

    async def check_key(self, proof: bytes) -> None:
        """Return once an engine has seen that this worker has its encryption key.

        Raises:
            Conflict: It has another.
        """
        await self._call("CheckKey", pb.CheckKeyRequest(sealed=proof))

    # Plans

    async def run_source(self, run_id: str) -> RunSource:
        """Return the run to carry out, as soon as an engine gives it.

        Raises:
            RocketshipError: There is no such run any more, or it cannot be planned here.
        """
        future = self._plans.get(run_id)
        if future is None:
            future = self._plans[run_id] = asyncio.ensure_future(self._fetch(run_id))
            while len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
        self._plans.move_to_end(run_id)
        try:
            return await asyncio.shield(future)
        except RocketshipError:
            self._plans.pop(run_id, None)
            raise

    async def _fetch(self, run_id: str) -> RunSource:
        reply = await self._call("GetPlan", pb.GetPlanRequest(run_id=run_id))
        spec, env = convert.request_to_spec(reply.request)
        plan, files = await self._planner.plan_aside(spec, env, run_id)
        return RunSource(plan, files, reply.started_at, env, context=spec.context)

    # Kept values

    async def keep(self, run_id: str, name: str, state: JsonObject) -> None:
        text = to_ascii_json(state)
        await self._call("KeepState", pb.KeepStateRequest(run_id=run_id, name=name, json=text))

    async def kept(self, run_id: str, name: str) -> JsonObject:
        reply = await self._call("GetState", pb.GetStateRequest(run_id=run_id, name=name))
        state: JsonObject = json.loads(reply.json)
        return state

    # Reports

    def report(self, run_id: str, event: Event, number: int) -> int:
        if self._spool.full and isinstance(event, LogEmitted):
            self._left_out += 1
            return self._taken
        if self._left_out:
            log.error("log_lines_left_out", extra={"run_id": run_id, "lines": self._left_out})
            self._left_out = 0
        text = to_ascii_json(encode(event))
        unit, attempt = getattr(event, "unit", ""), getattr(event, "attempt", 1)
        self._spool.put(
            pb.ReportedEvent(run_id=run_id, unit=unit, attempt=attempt, number=number, json=text)
        )
        self._taken += 1
        self._filled.set()
        return self._taken

    def stored(self, place: int) -> bool:
        return self._stored >= place

    async def wait_stored(self, place: int) -> None:
        if not self.stored(place):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((place, future))
            await future

    async def settle(self, seconds: float) -> bool:
        """Wait so long for the last reports to be stored; return whether they are."""
        try:
            async with asyncio.timeout(seconds):
                await self.wait_stored(self._taken)
        except TimeoutError:
            return False
        return True

    async def send(self) -> None:
        """Send reports for ever."""
        backoff = Backoff(_PATIENCE)
        while True:
            try:
                await self._stream(backoff)
            except (grpc.aio.AioRpcError, RocketshipError, TimeoutError) as error:
                await self._failed("ReportEvents", error)
                if isinstance(error, TimeoutError):
                    await self._close()
                await backoff.pause()

    async def _stream(self, backoff: Backoff) -> None:
        call = (await self._stub()).ReportEvents(metadata=self._metadata)
        batch = 0
        try:
            while True:
                while not self._spool:
                    self._filled.clear()
                    await self._filled.wait()
                await asyncio.sleep(GATHER_SECONDS)
                reports = self._spool.head(BATCH_EVENTS, BATCH_BYTES)
                batch += 1
                async with asyncio.timeout(ANSWER_SECONDS):
                    await call.write(pb.ReportEventsRequest(batch=batch, events=reports))
                    answer = await call.read()
                if answer is grpc.aio.EOF:
                    raise Infrastructure("the engine ended the stream of reports")
                self._works()
                backoff.reset()
                self._spool.drop(len(reports))
                self._advance(len(reports))
        except asyncio.InvalidStateError as error:
            # The call is over; its status says why.
            raise Infrastructure(f"the stream of reports broke: {error}") from error
        finally:
            call.cancel()

    def _advance(self, count: int) -> None:
        self._stored += count
        still = []
        for place, future in self._waiting:
            if place > self._stored:
                still.append((place, future))
            elif not future.done():
                future.set_result(None)
        self._waiting = still

    # Calls

    async def _call(self, name: str, request: Any) -> Any:
        backoff = Backoff(_PATIENCE)
        while True:
            try:
                call = getattr(await self._stub(), name)
                reply = await call(request, timeout=CALL_SECONDS, metadata=self._metadata)
            except (grpc.aio.AioRpcError, Infrastructure) as error:
                await self._failed(name, error)
            else:
                self._works()
                return reply
            await backoff.pause()

    async def _stub(self) -> Any:
        if self._channel is None:
            self._channel = await open_channel(self._endpoint, _warn)
        return EngineStub(self._channel)  # type: ignore[no-untyped-call]

    def _works(self) -> None:
        if not self.connected:
            log.info("engine_found", extra={"engine": str(self._endpoint)})
        self.connected = True

    async def _failed(self, name: str, error: Exception) -> None:
        """Note a failure that another try may not meet.

        Raises:
            RocketshipError: The engine has answered, and will not answer otherwise.
        """
        explained: Exception = error
        if isinstance(error, grpc.aio.AioRpcError):
            explained = status.from_rpc(error) or diagnose.explain(
                error, self._endpoint, connected=self.connected, seconds=CALL_SECONDS
            )
        if isinstance(explained, RocketshipError) and not isinstance(explained, Infrastructure):
            self._works()
            raise explained
        level = logging.ERROR if isinstance(explained, Refused) else logging.WARNING
        log.log(level, "engine_away", extra={"call": name, "error": str(explained)})
        self.connected = False

    async def _close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def close(self) -> None:
        """Let go of the engines, and of what could not be sent."""
        await self._close()
        self._spool.close()


@asynccontextmanager
async def open_gateway(endpoint: Endpoint, token: str, planner: Planner) -> AsyncIterator[Gateway]:
    """Open the way to the engines at an address, none of which need be there yet.

    Raises:
        Refused: The token would be readable on its way.
    """
    if token and not endpoint.confidential:
        raise unsafe("the token of workers", endpoint)
    gateway = Gateway(endpoint, token, planner)
    sender = asyncio.create_task(gateway.send())
    try:
        yield gateway
    finally:
        sender.cancel()
        await asyncio.wait({sender})
        await gateway.close()


def _warn(message: str) -> None:
    log.warning("connection_not_safe", extra={"why": message})
