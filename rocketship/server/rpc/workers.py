"""The calls of workers: what they are to carry out, and what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from rocketship.engine.reports import Report
from rocketship.engine.service import RunService
from rocketship.errors import UsageError
from rocketship.run.events import decode
from rocketship.server.health import Context, Readiness, draining
from rocketship.values import JsonObject, to_ascii_json
from rocketship.wire import convert
from rocketship.wire._generated import engine_pb2 as pb


class WorkerCalls:
    """A part of the service `rocketship.v1.Engine`."""

    _service: RunService
    _readiness: Readiness

    async def CheckKey(self, request: pb.CheckKeyRequest, context: Context) -> pb.CheckKeyResponse:
        self._service.intake.keys.check(request.sealed)
        return pb.CheckKeyResponse()

    async def GetPlan(self, request: pb.GetPlanRequest, context: Context) -> pb.GetPlanResponse:
        spec, env, started_at = await self._service.job(request.run_id)
        return pb.GetPlanResponse(request=convert.spec_to_request(spec, env), started_at=started_at)

    async def ReportEvents(
        self, requests: AsyncIterator[pb.ReportEventsRequest], context: Context
    ) -> None:
        intake = self._service.intake
        stopping = asyncio.ensure_future(self._readiness.stopping.wait())
        try:
            while (request := await _next(requests, stopping)) is not None:
                await intake.take(list(_reports(request.events)))
                await context.write(pb.ReportEventsResponse(batch=request.batch))
        finally:
            stopping.cancel()

    async def KeepState(
        self, request: pb.KeepStateRequest, context: Context
    ) -> pb.KeepStateResponse:
        await self._service.intake.keep(request.run_id, request.name, _object(request.json))
        return pb.KeepStateResponse()

    async def GetState(self, request: pb.GetStateRequest, context: Context) -> pb.GetStateResponse:
        state = await self._service.intake.kept(request.run_id, request.name)
        return pb.GetStateResponse(json=to_ascii_json(state))


async def _next(
    requests: AsyncIterator[pb.ReportEventsRequest], stopping: asyncio.Future[Any]
) -> pb.ReportEventsRequest | None:
    """Return the next batch, or None at the end.

    Raises:
        Draining: The engine stops; the worker finds another.
    """
    upcoming: asyncio.Future[Any] = asyncio.ensure_future(anext(requests, None))
    try:
        await asyncio.wait({upcoming, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if upcoming.done():
            request: pb.ReportEventsRequest | None = upcoming.result()
            return request
        raise draining()
    finally:
        upcoming.cancel()


def _reports(events: Iterable[pb.ReportedEvent]) -> Iterable[Report]:
    for item in events:
        try:
            event = decode(_object(item.json))
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"this is not an event: {item.json[:100]}") from error
        yield Report(item.run_id, item.unit, item.attempt, item.number, event)


def _object(text: str) -> JsonObject:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError("the value is not JSON") from error
    if not isinstance(value, dict):
        raise UsageError("the value is not a JSON object")
    return value
