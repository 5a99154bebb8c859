"""Drives an engine of the original kind, which has log lines, but no events and no discovery.

Its lines are shown for what they are: the verdict, of the run and of every test, comes from its
record of the run and from nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from rocketship.client.connection import Backoff, Connection, Interrupted
from rocketship.client.discovery import ServerInfo
from rocketship.engine.service import Cancellation, RunDetails
from rocketship.errors import InvalidSuite, UsageError
from rocketship.run.events import (
    Event,
    LogEmitted,
    Recorded,
    RunFinished,
    RunStarted,
    TestFinished,
    TestInfo,
)
from rocketship.run.result import TestResult
from rocketship.run.spec import RunSpec, Selection
from rocketship.store.base import MAX_PAGE, RunFilter, RunPage, RunRecord
from rocketship.suite.problem import Problems
from rocketship.suite.source import load
from rocketship.values import to_ascii_json, to_utf8
from rocketship.wire import convert
from rocketship.wire._generated import engine_pb2 as pb

#: It runs suite init before it answers, and waits for every test when it cancels.
PATIENT_CALL_SECONDS = 300.0
CALL_SECONDS = 30.0
#: A stream that is silent this long may never end: that of a cancelled run does not.
SILENCE_SECONDS = 1.0
_LEVELS = {"red": "error", "yellow": "warn"}


class LegacyClient:
    """An EngineClient over a connection to an engine of the original kind.

    Args:
        server: What the engine says about itself.
        patience_seconds: How long `watch` waits for an engine that is gone.
        silence_seconds: How long a stream may be silent before the run is looked at.
    """

    def __init__(
        self,
        connection: Connection,
        server: ServerInfo,
        *,
        patience_seconds: float,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.server = server
        self._connection = connection
        self._stub = connection.stub
        self._patience_seconds = patience_seconds
        self._silence_seconds = silence_seconds

    async def create_run(
        self, spec: RunSpec, env: Mapping[str, str], *, idempotency_key: str = ""
    ) -> str:
        """Start a run; the key has no effect, so the call is never made twice."""
        limits = (spec.concurrency, spec.timeout_seconds, spec.fail_fast)
        if spec.selection != Selection() or any(limits):
            raise self._cannot("select tests, or take --concurrency, --timeout or --fail-fast")
        request = pb.CreateRunRequest(
            yaml_payload=_with_vars(spec), context=convert.context(spec.context)
        )
        reply = await self._connection.call(
            self._stub.CreateRun, request, seconds=PATIENT_CALL_SECONDS
        )
        return str(reply.run_id)

    async def watch(self, run_id: str, after_seq: int = 0) -> AsyncIterator[Recorded]:
        """Yield the log lines between the start and the end of the run as its record tells them.

        The numbers are given here; they are the same every time, because the engine repeats its
        lines from the first.
        """
        seq = 0
        async with aclosing(self._events(run_id)) as events:
            async for event in events:
                seq += 1
                if seq > after_seq:
                    yield Recorded(seq, event)

    async def get_run(self, prefix: str) -> RunDetails:
        request = pb.GetRunRequest(run_id=to_utf8(prefix))
        reply = await self._connection.call(
            self._stub.GetRun, request, seconds=CALL_SECONDS, again=True
        )
        record, result, seq = convert.details_from(reply.run)
        return RunDetails(record, replace(result, tests=_in_order(result.tests)), seq)

    async def get_spec(self, prefix: str) -> RunSpec:
        raise self._cannot("tell what a run was made from")

    async def list_runs(self, query: RunFilter) -> RunPage:
        """Return the one page there is; suite and file are compared here."""
        request = convert.filter_to_request(replace(query, limit=MAX_PAGE))
        reply = await self._connection.call(
            self._stub.ListRuns, request, seconds=CALL_SECONDS, again=True
        )
        runs = [
            record
            for record in convert.page_from(reply).runs
            if query.suite.lower() in record.suite.lower() and query.file in ("", record.file)
        ]
        return RunPage(tuple(runs[: query.limit]), len(runs))

    async def cancel_run(self, prefix: str, *, reason: str, force: bool = False) -> Cancellation:
        reply = await self._connection.call(
            self._stub.CancelRun,
            pb.CancelRunRequest(run_id=to_utf8(prefix)),
            seconds=PATIENT_CALL_SECONDS,
        )
        return Cancellation(reply.success, reply.message)

    async def delete_run(self, prefix: str) -> str:
        raise self._cannot("delete runs")

    @property
    def recovered(self) -> tuple[RunRecord, ...]:
        return ()

    async def _events(self, run_id: str) -> AsyncGenerator[Event]:
        begun = await self.get_run(run_id)
        record, tests = begun.record, begun.result.tests
        infos = tuple(TestInfo(test.id, test.name) for test in tests)
        at = record.created_at or time.time()
        yield RunStarted(at, record.suite, record.file, infos, record.context)
        units = {test.name: test.unit for test in tests}
        async with aclosing(self._lines(run_id)) as lines:
            async for line in lines:
                yield _log(line, units.get(line.test_name, ""))
        ended = await self._ended(run_id)
        at = ended.record.ended_at or time.time()
        for test in ended.result.tests:
            if test.status.finished:
                took = test.duration_seconds
                yield TestFinished(at, test.unit, 1, test.name, test.status, took, test.message)
        yield RunFinished(at, ended.record.status, ended.record.duration_seconds)

    async def _lines(self, run_id: str) -> AsyncGenerator[pb.LogLine]:
        """Yield the run's lines once each, however often the stream has to begin anew."""
        told = 0
        backoff = Backoff(self._patience_seconds)
        request = pb.LogStreamRequest(run_id=run_id)

        async def ended() -> bool:
            return (await self.get_run(run_id)).record.status.finished

        while True:
            position = 0
            stream = self._connection.stream(self._stub.StreamLogs, request)
            try:
                async with aclosing(_until(stream, ended, self._silence_seconds)) as messages:
                    async for message in messages:
                        backoff.reset()
                        position += 1
                        if position > told:
                            told = position
                            yield message
                return
            except Interrupted as cut:
                if not await self._connection.recover(cut, backoff):
                    raise cut.error from cut.__cause__

    async def _ended(self, run_id: str) -> RunDetails:
        """Return the run once it has ended; its last line may come a moment earlier."""
        while True:
            run = await self.get_run(run_id)
            if run.record.status.finished:
                return run
            await asyncio.sleep(self._silence_seconds)

    def _cannot(self, what: str) -> UsageError:
        where = self._connection.endpoint
        return UsageError(
            f"the engine at {where} is of the original kind and cannot {what}",
            hint="leave that out, or use --auto for an engine in this process",
        )


async def _until(
    stream: AsyncGenerator[Any], ended: Callable[[], Awaitable[bool]], silence_seconds: float
) -> AsyncGenerator[Any]:
    """Yield a stream's messages until it ends, or is silent although all has ended."""
    over = False
    async with aclosing(stream):
        while True:
            following = asyncio.ensure_future(anext(stream, None))
            try:
                while not (await asyncio.wait({following}, timeout=silence_seconds))[0]:
                    if over:
                        return
                    over = await ended()
            finally:
                if not following.done():
                    following.cancel()
                    await asyncio.wait({following})
            message = following.result()
            if message is None:
                return
            yield message


def _with_vars(spec: RunSpec) -> bytes:
    """Return the suite with all its variables in it, as the JSON that YAML is a superset of."""
    root = load(spec.source, spec.file, Problems())
    if root is None or not isinstance(root.value, dict):
        raise InvalidSuite(f"{spec.file} is not a valid suite")
    return to_ascii_json({**root.value, "vars": spec.vars}).encode()


def _in_order(tests: tuple[TestResult, ...]) -> tuple[TestResult, ...]:
    """Return the tests as they stand in the suite: their ids were given in that order."""
    ordered = sorted(tests, key=lambda test: test.id)
    return tuple(replace(test, unit=f"t-{index}") for index, test in enumerate(ordered))


def _log(message: pb.LogLine, unit: str) -> LogEmitted:
    at = convert.line_from(message).at or time.time()
    step = f"[{message.step_name}] " if message.step_name else ""
    level = _LEVELS.get(message.color, "info")
    return LogEmitted(at, unit, 1, "", f"{step}{message.msg}", level)
