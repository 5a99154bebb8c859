"""A client that knows only what the original knew drives our engine."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rocketship.wire.quiet import grpc
from tests.client.original import Client, messages
from tests.fixtures.engine_process import EngineProcess

SUITE = b"""\
name: Original
vars: {who: world}
tests:
  - name: greets
    steps: [{name: Greet, plugin: log, config: {message: "hello {{ .vars.who }}"}}]
  - name: breaks
    steps: [{name: Break, plugin: script, config: {language: javascript, script: "throw 'x'"}}]
"""
GREEN = SUITE[: SUITE.index(b"  - name: breaks")]
WAITING = b"""\
name: Waits
tests:
  - name: waits
    steps:
      - {name: Say, plugin: log, config: {message: begun}}
      - {name: Wait, plugin: delay, config: {duration: 10m}}
    cleanup:
      always: [{name: Tidy, plugin: log, config: {message: tidy}}]
"""


@pytest.fixture
def talk(shared_engine: EngineProcess) -> Callable[[Callable[[Any], Awaitable[None]]], None]:
    def run(body: Callable[[Any], Awaitable[None]]) -> None:
        async def main() -> None:
            target = shared_engine.endpoint.address.authority
            async with asyncio.timeout(30), grpc.aio.insecure_channel(target) as channel:
                await body(Client(channel))

        asyncio.run(main())

    return run


Talk = Callable[[Callable[[Any], Awaitable[None]]], None]


async def create(client: Any, suite: bytes, **context: Any) -> str:
    request = messages.CreateRunRequest(yaml_payload=suite, context=messages.RunContext(**context))
    return str((await client.CreateRun(request)).run_id)


async def lines(client: Any, run_id: str) -> list[Any]:
    return [line async for line in client.StreamLogs(messages.LogStreamRequest(run_id=run_id))]


def test_run_is_created_and_streamed_to_its_summary_line(talk: Talk) -> None:
    async def body(client: Any) -> None:
        run_id = await create(client, SUITE)
        assert re.fullmatch("[0-9a-z]{26}", run_id)
        said = await lines(client, run_id)
        expected = 'Test run: "Original" finished. 1/2 tests passed, 1/2 tests failed.'
        assert said[-1].msg == expected
        assert said[-1].bold
        hello = next(line for line in said if line.msg == "hello world")
        assert (hello.test_name, hello.step_name) == ("greets", "Greet")
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line.ts) for line in said)
        assert {line.color for line in said} <= {"", "green", "red", "purple", "yellow"}
        again = await lines(client, run_id)
        assert again == said

        green = await lines(client, await create(client, GREEN))
        assert green[-1].msg == 'Test run: "Original" finished. All 1 tests passed.'

    talk(body)


def test_runs_are_listed_and_shown(talk: Talk) -> None:
    async def body(client: Any) -> None:
        run_id = await create(
            client, SUITE, project_id="original-list", branch="main", metadata={"env": "qa"}
        )
        await lines(client, run_id)
        request = messages.ListRunsRequest(project_id="original-list", limit=1, descending=True)
        page = await client.ListRuns(request)
        (run,) = page.runs
        assert (run.run_id, run.status, page.total_count) == (run_id, "FAILED", 1)
        assert (run.total_tests, run.passed_tests, run.failed_tests) == (2, 1, 1)
        assert run.context.metadata == {"env": "qa"}

        got = (await client.GetRun(messages.GetRunRequest(run_id=run_id[:12]))).run
        assert (got.run_id, got.suite_name, got.status) == (run_id, "Original", "FAILED")
        assert [(test.name, test.status) for test in got.tests] == [
            ("greets", "PASSED"),
            ("breaks", "FAILED"),
        ]
        assert got.tests[1].error_message

    talk(body)


def test_run_is_cancelled_and_its_cleanup_waited_for(talk: Talk) -> None:
    async def body(client: Any) -> None:
        run_id = await create(client, WAITING)
        stream = client.StreamLogs(messages.LogStreamRequest(run_id=run_id))
        said = []
        async for line in stream:
            said.append(line.msg)
            if line.msg == "begun":
                request = messages.CancelRunRequest(run_id=run_id)
                assert (await client.CancelRun(request)).success
        assert "tidy" in said
        assert said[-1] == 'Test run: "Waits" finished. 0/1 tests passed, 1/1 tests failed.'
        waited = await client.WaitForCleanup(messages.WaitForCleanupRequest(timeout_seconds=10))
        assert waited.completed

    talk(body)


def test_engine_is_asked_about_itself(talk: Talk) -> None:
    async def body(client: Any) -> None:
        assert (await client.Health(messages.HealthRequest())).status == "ok"
        info = await client.GetServerInfo(messages.GetServerInfoRequest())
        assert info.version
        assert (info.auth_enabled, info.auth_type) == (False, "none")
        assert "discovery.v2" in info.capabilities
        config = await client.GetAuthConfig(messages.GetAuthConfigRequest())
        assert (config.auth_enabled, config.auth_type) == (False, "none")

    talk(body)


def test_line_is_added_to_a_run(talk: Talk) -> None:
    async def body(client: Any) -> None:
        run_id = await create(client, WAITING)
        await client.AddLog(messages.AddLogRequest(run_id=run_id, message="from outside"))
        await client.CancelRun(messages.CancelRunRequest(run_id=run_id))
        assert any("from outside" in line.msg for line in await lines(client, run_id))

    talk(body)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda c: c.GetRun(messages.GetRunRequest(run_id="0" * 26)), "NOT_FOUND"),
        (lambda c: c.GetRun(messages.GetRunRequest()), "INVALID_ARGUMENT"),
        (lambda c: c.CreateRun(messages.CreateRunRequest()), "INVALID_ARGUMENT"),
        (
            lambda c: c.CreateRun(messages.CreateRunRequest(yaml_payload=b"- nonsense")),
            "INVALID_ARGUMENT",
        ),
    ],
)
def test_faults_have_codes_and_words(
    talk: Talk, call: Callable[[Any], Awaitable[Any]], code: str
) -> None:
    async def body(client: Any) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            await call(client)
        assert caught.value.code().name == code
        assert caught.value.details()

    talk(body)
