"""The engine's API: every call is read, handed to RunService, and answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing

from rocketship._version import __version__
from rocketship.auth.advertisement import Advertisement
from rocketship.engine.activity import Activity
from rocketship.engine.service import RunService
from rocketship.errors import UsageError
from rocketship.run.events import Recorded
from rocketship.run.narrate import Narrator
from rocketship.run.spec import RunSpec
from rocketship.server.callers import started_here
from rocketship.server.health import Context, Readiness
from rocketship.server.rpc.bounds import check_bounds
from rocketship.server.rpc.streams import unless_stopping, until_stopping
from rocketship.server.rpc.workers import WorkerCalls
from rocketship.server.web.grpc_web.offer import offered
from rocketship.settings.server import ServerSettings
from rocketship.values import format_time
from rocketship.wire import convert
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated import engine_pb2_grpc as pb_grpc

CAPABILITIES = ("discovery.v2", "runs.bundle", "runs.cancel", "runs.watch")
CLEANUP_WAIT_SECONDS = 60
#: Enough to make the cost of a message small, and far from its limits of size.
EVENTS_PER_MESSAGE = 100
CANCEL_REASON = "cancelled by the user"
_LEVELS = {"red": "error", "yellow": "warn"}


class EngineServicer(WorkerCalls, pb_grpc.EngineServicer):
    """The service `rocketship.v1.Engine`; errors are made statuses by the interceptor."""

    def __init__(
        self,
        service: RunService,
        activity: Activity,
        readiness: Readiness,
        settings: ServerSettings,
        advertise: Callable[[], Advertisement],
    ) -> None:
        self._service = service
        self._activity = activity
        self._readiness = readiness
        self._settings = settings
        self._advertise = advertise

    # Runs

    async def CreateRun(
        self, request: pb.CreateRunRequest, context: Context
    ) -> pb.CreateRunResponse:
        self._readiness.require()
        check_bounds(request)
        spec, env = await _described(request)
        key = request.idempotency_key
        run_id = await self._service.create_run(started_here(spec), env, idempotency_key=key)
        return pb.CreateRunResponse(run_id=run_id)

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        return convert.page(await self._service.list_runs(convert.request_to_filter(request)))

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        found = await self._service.get_run(request.run_id)
        events = found.events if request.with_events else ()
        run = await asyncio.to_thread(convert.details, found.record, found.result, events)
        return pb.GetRunResponse(run=run)

    async def GetRunSpec(
        self, request: pb.GetRunSpecRequest, context: Context
    ) -> pb.GetRunSpecResponse:
        spec = await self._service.get_spec(request.run_id)
        # The names of the secrets are no secrets.
        names = dict.fromkeys(spec.env_names, "")
        return pb.GetRunSpecResponse(request=convert.spec_to_request(spec, names))

    async def CancelRun(
        self, request: pb.CancelRunRequest, context: Context
    ) -> pb.CancelRunResponse:
        reason = request.reason or CANCEL_REASON
        done = await self._service.cancel_run(request.run_id, reason=reason, force=request.force)
        return pb.CancelRunResponse(success=done.stopped, message=done.message)

    async def DeleteRun(
        self, request: pb.DeleteRunRequest, context: Context
    ) -> pb.DeleteRunResponse:
        return pb.DeleteRunResponse(run_id=await self._service.delete_run(request.run_id))

    async def WaitForCleanup(
        self, request: pb.WaitForCleanupRequest, context: Context
    ) -> pb.WaitForCleanupResponse:
        seconds = request.timeout_seconds or CLEANUP_WAIT_SECONDS
        if seconds < 0:
            raise UsageError(f"timeout_seconds is {seconds}, expected a positive number")
        try:
            async with asyncio.timeout(seconds):
                ended = self._service.wait_ended(request.run_id)
                await unless_stopping(ended, self._readiness)
        except TimeoutError:
            return pb.WaitForCleanupResponse(completed=False)
        return pb.WaitForCleanupResponse(completed=True)

    # Streams

    async def StreamLogs(self, request: pb.LogStreamRequest, context: Context) -> None:
        narrator = Narrator()
        async with aclosing(self._follow(request.run_id)) as batches:
            async for batch in batches:
                for item in batch or ():
                    for line in narrator.lines(item.event):
                        await context.write(convert.line(line))

    async def WatchRun(self, request: pb.WatchRunRequest, context: Context) -> None:
        # Who tells a run has to know it from its beginning.
        narrator = Narrator() if request.with_lines else None
        begin = 0 if narrator else request.after_seq
        if narrator:
            # Browsers learn from the first message only that they are connected.
            await context.write(pb.WatchRunResponse())
        async with aclosing(self._follow(request.run_id, begin)) as batches:
            async for batch in batches:
                if not batch:
                    await context.write(pb.WatchRunResponse(lagged=batch is not None))
                if request.batched and not narrator:
                    for message in _messages(batch or ()):
                        await context.write(message)
                    continue
                for item in batch or ():
                    lines = map(convert.line, narrator.lines(item.event) if narrator else ())
                    response = pb.WatchRunResponse(event=convert.event(item), lines=lines)
                    if item.seq > request.after_seq:
                        await context.write(response)

    async def WatchRuns(self, request: pb.WatchRunsRequest, context: Context) -> None:
        self._readiness.require()
        news = until_stopping(self._activity.watch(), self._readiness)
        async with aclosing(news) as batches:
            async for batch in batches:
                runs = [convert.summary(item.record, item.doing) for item in batch or ()]
                await context.write(pb.WatchRunsResponse(runs=runs))

    # External workers

    async def AddLog(self, request: pb.AddLogRequest, context: Context) -> pb.AddLogResponse:
        if not request.message:
            raise UsageError("message is empty")
        names = (request.test_name, request.step_name)
        text = " ".join([*(f"[{name}]" for name in names if name), request.message])
        await self._service.add_log(request.run_id, text, _LEVELS.get(request.color, "info"))
        return pb.AddLogResponse()

    async def UpsertRunStep(
        self, request: pb.UpsertRunStepRequest, context: Context
    ) -> pb.UpsertRunStepResponse:
        for field in ("workflow_id", "step_name", "plugin"):
            if not getattr(request, field):
                raise UsageError(f"{field} is empty")
        text = f"{request.step_name} ({request.plugin}): {request.status}"
        level = "error" if request.error_message else "info"
        text = f"{text}: {request.error_message}" if request.error_message else text
        await self._service.add_log(request.run_id, text, level)
        return pb.UpsertRunStepResponse(step_id=f"{request.workflow_id}-{request.step_index}")

    # The engine

    async def Health(self, request: pb.HealthRequest, context: Context) -> pb.HealthResponse:
        return pb.HealthResponse(status=self._readiness.word, time=format_time(time.time()))

    async def GetServerInfo(
        self, request: pb.GetServerInfoRequest, context: Context
    ) -> pb.GetServerInfoResponse:
        return self._info()

    async def GetAuthConfig(
        self, request: pb.GetAuthConfigRequest, context: Context
    ) -> pb.GetAuthConfigResponse:
        info = self._info()
        return pb.GetAuthConfigResponse(
            auth_enabled=info.auth_enabled,
            auth_type=info.auth_type,
            auth_endpoint=info.auth_endpoint,
        )

    def _info(self) -> pb.GetServerInfoResponse:
        return _server_info(self._settings, self._advertise(), self._service.runtime)

    async def _follow(
        self, prefix: str, after_seq: int = 0
    ) -> AsyncGenerator[list[Recorded] | None]:
        """Yield a run's events in batches, and None as a heartbeat."""
        self._readiness.require()
        record = await self._service.resolve(prefix)
        source = self._service.follow(record.id, max(after_seq, 0))
        async with aclosing(until_stopping(source, self._readiness)) as batches:
            async for batch in batches:
                yield batch


async def _described(request: pb.CreateRunRequest) -> tuple[RunSpec, dict[str, str]]:
    """Return the run of a request; errors as for `request_to_spec`."""
    if request.vars_json:
        return convert.request_to_spec(request)
    # The suite has to be read for its variables, which takes a second when it is long.
    return await asyncio.to_thread(convert.request_to_spec, request)


def _messages(events: Sequence[Recorded]) -> Iterator[pb.WatchRunResponse]:
    """Yield as few messages as can carry some events."""
    for start in range(0, len(events), EVENTS_PER_MESSAGE):
        some = events[start : start + EVENTS_PER_MESSAGE]
        yield pb.WatchRunResponse(events=map(convert.event, some))


def _server_info(
    settings: ServerSettings, auth: Advertisement, runtime: str
) -> pb.GetServerInfoResponse:
    addresses = (("grpc", settings.public_grpc), ("http", settings.public_http))
    capabilities = {*CAPABILITIES, f"runtime.{runtime}", *auth.capabilities}
    if offered(settings.web):
        capabilities.add("grpc-web")
    return pb.GetServerInfoResponse(
        version=__version__,
        auth_enabled=auth.enabled,
        auth_type=auth.kind,
        auth_endpoint=auth.device_endpoint,
        capabilities=sorted(capabilities),
        endpoints=[pb.ServerEndpoint(type=kind, address=text) for kind, text in addresses if text],
        device_authorization_endpoint=auth.device_endpoint,
        token_endpoint=auth.token_endpoint,
        issuer=auth.issuer,
        audience=auth.audience,
        scopes=auth.scopes,
        client_id=auth.client_id,
    )
