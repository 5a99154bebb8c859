"""A stand-in for the original engine, with its calls, its habits and its mistakes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from rocketship.wire.quiet import grpc
from tests.client.original import CALLS, SERVICE, messages

RUN_ID = "01h00000000000000000000000"
#: What the original sends for a time it does not know.
NEVER = "0001-01-01T00:00:00Z"


class FakeOriginal:
    """One run whose lines and outcome a test decides.

    Args:
        lines: Test name, step name, message and colour of each line.
        tests: How each test ends, in document order.
        status: How the run ends; CANCELLED leaves the stream open, as the original does.
        unknown: Calls it does not have.
        cuts: After how many lines the first streams break off.
    """

    def __init__(
        self,
        *,
        lines: Sequence[tuple[str, str, str, str]] = (),
        tests: Mapping[str, str] | None = None,
        status: str = "PASSED",
        unknown: Sequence[str] = (),
        cuts: Sequence[int] = (),
    ) -> None:
        self.created: list[Any] = []
        self.listed: list[Any] = []
        self.streams = 0
        self.ended = asyncio.Event()
        self._lines = lines
        self._tests = dict(tests or {"first": "PASSED"})
        self._status = status
        self._unknown = unknown
        self._cuts = cuts

    async def CreateRun(self, request: Any, context: Any) -> Any:
        self.created.append(request)
        return messages.CreateRunResponse(run_id=RUN_ID)

    async def StreamLogs(self, request: Any, context: Any) -> AsyncIterator[Any]:
        number, self.streams = self.streams, self.streams + 1
        for index, (test, step, message, color) in enumerate(self._lines):
            if number < len(self._cuts) and index == self._cuts[number]:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
            yield messages.LogLine(
                ts="2026-01-02T03:04:05.6Z",
                msg=message,
                color=color,
                test_name=test,
                step_name=step,
            )
        self.ended.set()
        if self._status == "CANCELLED":
            await asyncio.Event().wait()

    async def GetRun(self, request: Any, context: Any) -> Any:
        if request.run_id not in RUN_ID:
            await context.abort(grpc.StatusCode.UNKNOWN, f"run not found: {request.run_id}")
        over = self.ended.is_set()
        tests = [
            messages.TestDetails(
                test_id=f"01h0000000000000000000000{index}",
                name=name,
                status=status if over else "PENDING",
                ended_at=NEVER,
                duration_ms=1500,
            )
            for index, (name, status) in enumerate(self._tests.items())
        ]
        run = messages.RunDetails(
            run_id=RUN_ID,
            suite_name="shop",
            status=self._status if over else "RUNNING",
            started_at="2026-01-02T03:04:05Z",
            ended_at=NEVER,
            duration_ms=2000,
            # The order of a map, which is any.
            tests=reversed(tests),
        )
        return messages.GetRunResponse(run=run)

    async def ListRuns(self, request: Any, context: Any) -> Any:
        self.listed.append(request)
        summaries = [
            messages.RunSummary(run_id=RUN_ID, suite_name=name, status="PASSED", total_tests=1)
            for name in ("shop", "blog", "shop again")
        ]
        return messages.ListRunsResponse(runs=summaries, total_count=3)

    async def CancelRun(self, request: Any, context: Any) -> Any:
        known = request.run_id == RUN_ID
        self._status = "CANCELLED" if known else self._status
        self.ended.set()
        return messages.CancelRunResponse(success=known, message="" if known else "run not found")

    async def GetServerInfo(self, request: Any, context: Any) -> Any:
        return messages.GetServerInfoResponse(
            version="v0.5.0", auth_type="none", capabilities=["discovery.v2"]
        )

    async def GetAuthConfig(self, request: Any, context: Any) -> Any:
        return messages.GetAuthConfigResponse(
            auth_enabled=True, auth_type="OIDC", auth_endpoint="https://login.example"
        )

    def vars(self) -> Any:
        """Return the variables of the suite that was sent."""
        return json.loads(self.created[0].yaml_payload)["vars"]

    def handlers(self) -> Any:
        """Return the calls it has, for a server."""
        found = {}
        for name, (request, response) in CALLS.items():
            method = getattr(self, name, None)
            if method is None or name in self._unknown:
                continue
            kind = (
                grpc.unary_stream_rpc_method_handler
                if name == "StreamLogs"
                else grpc.unary_unary_rpc_method_handler
            )
            found[name] = kind(
                method,
                request_deserializer=getattr(messages, request).FromString,
                response_serializer=getattr(messages, response).SerializeToString,
            )
        return grpc.method_handlers_generic_handler(SERVICE, found)


@asynccontextmanager
async def serve(original: FakeOriginal) -> AsyncIterator[int]:
    """Serve it; yields the port."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((original.handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)
