from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from rocketship._version import __version__
from rocketship.run.events import RunFinished, decode
from rocketship.wire import status
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire.limits import MAX_REQUEST_BYTES
from tests.fixtures.engine import engine_stub, running_engine
from tests.fixtures.workbench import Workbench, case, log, suite

Body = Callable[[Any], Awaitable[None]]


def source(*tests: Any, **keys: Any) -> bytes:
    return json.dumps(suite(*(tests or (case("first", log("hello")),)), **keys)).encode()


def with_stub(folder: Path, body: Body, **changes: Any) -> None:
    async def main() -> None:
        async with running_engine(folder, **changes) as engine, engine_stub(engine) as stub:
            await body(stub)

    asyncio.run(main())


async def create(stub: Any, payload: bytes | None = None, **fields: Any) -> str:
    request = pb.CreateRunRequest(yaml_payload=payload or source(), **fields)
    run_id: str = (await stub.CreateRun(request)).run_id
    return run_id


async def lines(stub: Any, run_id: str) -> list[str]:
    return [line.msg async for line in stub.StreamLogs(pb.LogStreamRequest(run_id=run_id))]


async def refused(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def test_run_is_created_followed_and_shown(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        context = pb.RunContext(branch="main", commit_sha="abc", metadata={"team": "core"})
        run_id = await create(stub, context=context)
        said = await lines(stub, run_id)
        assert said[0].startswith('Starting suite "Shop"')
        assert "hello" in said
        assert said[-1] == 'Test run: "Shop" finished. All 1 tests passed.'
        run = (await stub.GetRun(pb.GetRunRequest(run_id=run_id[:20]))).run
        assert (run.run_id, run.status, run.summary.passed_tests) == (run_id, "PASSED", 1)
        assert [(test.name, test.status) for test in run.tests] == [("first", "PASSED")]
        assert run.context == context
        assert not run.events

    with_stub(tmp_path, body)


def test_half_of_a_surrogate_pair_reaches_those_who_read_lines_and_messages(tmp_path: Path) -> None:
    wrong = {
        "language": "javascript",
        "script": r"console.log('x\ud800'); throw new Error('y\udfff')",
    }

    async def body(stub: Any) -> None:
        step = {"name": "Cut", "plugin": "script", "config": wrong}
        run_id = await create(stub, source(case("first", step)))
        assert "x\ufffd" in "\n".join(await lines(stub, run_id))
        run = (await stub.GetRun(pb.GetRunRequest(run_id=run_id))).run
        assert (run.status, "y\ufffd" in run.tests[0].error_message) == ("FAILED", True)

    with_stub(tmp_path, body)


def test_run_is_shown_with_all_events_when_asked(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        run_id = await create(stub)
        await lines(stub, run_id)
        run = (await stub.GetRun(pb.GetRunRequest(run_id=run_id, with_events=True))).run
        assert [event.seq for event in run.events] == list(range(1, len(run.events) + 1))
        assert isinstance(decode(json.loads(run.events[-1].json)), RunFinished)

    with_stub(tmp_path, body)


def test_request_that_made_a_run_is_given_back_without_secrets(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        secrets = {"TOKEN": "s3cret-value"}
        run_id = await create(stub, file="shop.yaml", secrets=secrets, vars_json=b'{"a": 1}')
        found = (await stub.GetRunSpec(pb.GetRunSpecRequest(run_id=run_id))).request
        assert (found.yaml_payload, found.file) == (source(), "shop.yaml")
        assert json.loads(found.vars_json) == {"a": 1}
        assert dict(found.secrets) == {"TOKEN": ""}

    with_stub(tmp_path, body)


def test_variables_of_a_client_that_sends_none_are_those_of_the_suite(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        payload = source(case("t", log("it is {{ .vars.word }}")), vars={"word": "blue"})
        assert "it is blue" in await lines(stub, await create(stub, payload))

    with_stub(tmp_path, body)


def test_same_idempotency_key_is_one_run(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        first = await create(stub, idempotency_key="k")
        assert await create(stub, idempotency_key="k") == first
        listed = await stub.ListRuns(pb.ListRunsRequest())
        assert listed.total_count == 1

    with_stub(tmp_path, body)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ("(" * 1000, "nested too deeply"),
        ("not " * 400 + "a", "nested too deeply"),
        ("a or " * 1000 + "a", "5,001 characters"),
    ],
)
def test_tag_expression_has_bounds(tmp_path: Path, tags: str, words: str) -> None:
    async def body(stub: Any) -> None:
        error = await refused(create(stub, selection=pb.Selection(tags=tags)))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert words in str(error.details())
        long = " or ".join([f"not ({'(' * 40}a{')' * 40})"] * 20)
        assert await create(stub, selection=pb.Selection(tags=long))

    with_stub(tmp_path, body)


def test_invalid_suite_is_refused_with_every_problem_and_its_place(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        payload = b"name: Shop\ntests:\n  - name: t\n    steps: []\n    oops: 1\n  - nam: u\n"
        error = await refused(create(stub, payload, file="shop.yaml"))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        found = status.from_rpc(error)
        places = [item.place for item in getattr(found, "violations", ())]
        assert len(places) >= 2
        assert all(place.startswith("shop.yaml:") for place in places)

    with_stub(tmp_path, body)


@pytest.mark.parametrize(
    ("call", "request_", "code"),
    [
        ("CreateRun", pb.CreateRunRequest(), "INVALID_ARGUMENT"),
        ("CreateRun", pb.CreateRunRequest(yaml_payload=b"\xff\xfe\x00"), "INVALID_ARGUMENT"),
        (
            "CreateRun",
            pb.CreateRunRequest(yaml_payload=source(), vars_json=b"[1]"),
            "INVALID_ARGUMENT",
        ),
        (
            "CreateRun",
            pb.CreateRunRequest(yaml_payload=source(), vars_json=b"[" * 100_000),
            "INVALID_ARGUMENT",
        ),
        (
            "CreateRun",
            pb.CreateRunRequest(
                yaml_payload=source(), selection=pb.Selection(patterns=["nothing"])
            ),
            "INVALID_ARGUMENT",
        ),
        (
            "CreateRun",
            pb.CreateRunRequest(
                yaml_payload=source(), options=pb.RunOptions(timeout_seconds=float("nan"))
            ),
            "INVALID_ARGUMENT",
        ),
        ("GetRun", pb.GetRunRequest(), "INVALID_ARGUMENT"),
        ("GetRun", pb.GetRunRequest(run_id="0" * 26), "NOT_FOUND"),
        ("GetRunSpec", pb.GetRunSpecRequest(run_id="0" * 26), "NOT_FOUND"),
        ("CancelRun", pb.CancelRunRequest(run_id="0" * 26), "NOT_FOUND"),
        ("DeleteRun", pb.DeleteRunRequest(run_id="0" * 26), "NOT_FOUND"),
        ("WaitForCleanup", pb.WaitForCleanupRequest(run_id="0" * 26), "NOT_FOUND"),
        ("WaitForCleanup", pb.WaitForCleanupRequest(timeout_seconds=-1), "INVALID_ARGUMENT"),
        ("ListRuns", pb.ListRunsRequest(limit=1001), "INVALID_ARGUMENT"),
        ("ListRuns", pb.ListRunsRequest(limit=-1), "INVALID_ARGUMENT"),
        ("ListRuns", pb.ListRunsRequest(order_by="color"), "INVALID_ARGUMENT"),
        ("ListRuns", pb.ListRunsRequest(status="blue"), "INVALID_ARGUMENT"),
        ("ListRuns", pb.ListRunsRequest(cursor="!"), "INVALID_ARGUMENT"),
        ("AddLog", pb.AddLogRequest(run_id="0" * 26, message="x"), "NOT_FOUND"),
        ("AddLog", pb.AddLogRequest(run_id="0" * 26), "INVALID_ARGUMENT"),
        ("UpsertRunStep", pb.UpsertRunStepRequest(run_id="0" * 26), "INVALID_ARGUMENT"),
    ],
    ids=lambda value: str(value).replace("\n", " ")[:40],
)
def test_wrong_request_is_refused_in_our_words(
    tmp_path: Path, call: str, request_: Any, code: str
) -> None:
    async def body(stub: Any) -> None:
        error = await refused(getattr(stub, call)(request_))
        assert error.code().name == code
        found = status.from_rpc(error)
        assert found is not None
        assert found.message

    with_stub(tmp_path, body)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"context": pb.RunContext(branch="b" * 2001)}, "context.branch has 2,001 bytes"),
        ({"context": pb.RunContext(project_id="ä" * 1001)}, "context.project_id has 2,002 bytes"),
        ({"context": pb.RunContext(trigger="a\0b")}, "context.trigger has a character of code 0"),
        ({"context": pb.RunContext(metadata={"team": "t" * 2001})}, "context.metadata.team has"),
        ({"context": pb.RunContext(metadata={"k" * 2001: ""})}, "context.metadata has 2,001"),
        (
            {"context": pb.RunContext(metadata={str(number): "" for number in range(101)})},
            "context.metadata has 101 entries: the limit is 100",
        ),
        ({"idempotency_key": "k" * 201}, "idempotency_key has 201 bytes: the limit is 200"),
        ({"file": "f" * 1001}, "file has 1,001 bytes"),
        ({"files": [pb.File(path="p" * 1001)]}, "files.path has 1,001 bytes"),
        ({"files": [pb.File(path="a\0b")]}, "files.path has a character of code 0"),
        ({"files": [pb.File(path="p")] * 5001}, "files has 5,001 entries"),
        ({"payload": source(name="n" * 1001)}, "the name of the suite has 1,001 characters"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_text_without_measure_is_refused_by_its_field(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    async def body(stub: Any) -> None:
        error = await refused(create(stub, **fields))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert words in str(error.details())

    with_stub(tmp_path, body)


@pytest.mark.parametrize("call", ["StreamLogs", "WatchRun"])
def test_stream_of_an_unknown_run_is_refused(tmp_path: Path, call: str) -> None:
    async def body(stub: Any) -> None:
        kinds: dict[str, Any] = {"WatchRun": pb.WatchRunRequest, "StreamLogs": pb.LogStreamRequest}
        request = kinds[call](run_id="0" * 26)
        error = await refused(getattr(stub, call)(request).read())
        assert error.code() is grpc.StatusCode.NOT_FOUND

    with_stub(tmp_path, body)


def test_ambiguous_prefix_is_refused_with_the_candidates(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        # Made within the same hour or so, their ids begin alike.
        run_ids = [await create(stub) for _ in range(2)]
        error = await refused(stub.GetRun(pb.GetRunRequest(run_id=run_ids[0][:6])))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert all(run_id in (error.details() or "") for run_id in run_ids)

    with_stub(tmp_path, body)


def test_message_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        error = await refused(create(stub, b"#" * (MAX_REQUEST_BYTES + 1)))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    with_stub(tmp_path, body)


def test_lists_are_newest_first_filtered_and_paged(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        run_ids = [await create(stub, file=f"{name}.yaml") for name in "abc"]
        for run_id in run_ids:
            await lines(stub, run_id)
        page = await stub.ListRuns(pb.ListRunsRequest(limit=2))
        assert [run.run_id for run in page.runs] == [run_ids[2], run_ids[1]]
        assert page.total_count == 3
        rest = await stub.ListRuns(pb.ListRunsRequest(limit=2, cursor=page.next_cursor))
        assert [run.run_id for run in rest.runs] == [run_ids[0]]
        assert not rest.next_cursor
        oldest = await stub.ListRuns(pb.ListRunsRequest(ascending=True, order_by="ended_at"))
        assert {run.run_id for run in oldest.runs} == set(run_ids)
        only = await stub.ListRuns(pb.ListRunsRequest(file="b.yaml", status="passed"))
        assert [run.file for run in only.runs] == ["b.yaml"]
        # Clients of the original ask like this and mean the newest.
        old = await stub.ListRuns(pb.ListRunsRequest(order_by="started_at", descending=True))
        assert old.runs[0].run_id == run_ids[2]

    with_stub(tmp_path, body)


def test_watch_resumes_after_any_event_without_loss_or_repetition(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        run_id = await create(stub)

        async def watch(after: int) -> list[int]:
            stream = stub.WatchRun(pb.WatchRunRequest(run_id=run_id, after_seq=after))
            return [message.event.seq async for message in stream]

        everything = await watch(0)
        assert everything == list(range(1, len(everything) + 1))
        for after in (1, 3, len(everything) - 1):
            assert await watch(after) == everything[after:]
        assert await watch(len(everything)) == []
        assert await watch(10**9) == []
        assert await watch(-5) == everything

    with_stub(tmp_path, body)


def test_watch_follows_a_run_while_it_happens(tmp_path: Path, bench: Workbench) -> None:
    async def body(stub: Any) -> None:
        held = case("t", log("before"), bench.hold("gate"), log("after"))
        stream = stub.WatchRun(pb.WatchRunRequest(run_id=await create(stub, source(held))))
        told = []
        async for message in stream:
            told.append(message.event.json)
            if '"name":"gate"' in told[-1]:
                break
        assert not any("after" in text for text in told)
        bench.release("gate")
        rest = [message.event.json async for message in stream]
        assert any('"message":"after"' in text for text in rest)
        assert '"run_finished"' in rest[-1]

    with_stub(tmp_path, body)


def test_many_watchers_see_the_same(tmp_path: Path, bench: Workbench) -> None:
    async def body(stub: Any) -> None:
        run_id = await create(stub, source(case("t", bench.hold("gate"), log("after"))))
        streams = [stub.WatchRun(pb.WatchRunRequest(run_id=run_id)) for _ in range(30)]

        async def follow(stream: Any) -> list[str]:
            return [message.event.json async for message in stream]

        following = [asyncio.ensure_future(follow(stream)) for stream in streams]
        await asyncio.to_thread(bench.wait_for, "gate")
        bench.release("gate")
        told = await asyncio.gather(*following)
        assert all(events == told[0] for events in told)

    with_stub(tmp_path, body)


def test_cancelled_run_cleans_up_and_says_why(tmp_path: Path, bench: Workbench) -> None:
    async def body(stub: Any) -> None:
        always = {"always": [bench.say("cleaned")]}
        run_id = await create(stub, source(case("t", bench.hold("gate"), cleanup=always)))
        await asyncio.to_thread(bench.wait_for, "gate")
        waiting = asyncio.ensure_future(
            stub.WaitForCleanup(pb.WaitForCleanupRequest(run_id=run_id))
        )
        done = await stub.CancelRun(pb.CancelRunRequest(run_id=run_id[:20], reason="enough"))
        assert done.success
        assert run_id in done.message
        assert (await waiting).completed
        assert "cleaned" in bench.words()
        summary = (await stub.GetRun(pb.GetRunRequest(run_id=run_id))).run.summary
        assert (summary.status, summary.message) == ("CANCELLED", "enough")
        again = await stub.CancelRun(pb.CancelRunRequest(run_id=run_id))
        assert again.success
        assert "ended" in again.message

    with_stub(tmp_path, body)


def test_waiting_for_cleanup_ends_at_its_timeout(tmp_path: Path, bench: Workbench) -> None:
    async def body(stub: Any) -> None:
        await create(stub, source(case("t", bench.hold("gate"))))
        await asyncio.to_thread(bench.wait_for, "gate")
        waited = await stub.WaitForCleanup(pb.WaitForCleanupRequest(timeout_seconds=1))
        assert not waited.completed
        bench.release("gate")
        assert (await stub.WaitForCleanup(pb.WaitForCleanupRequest())).completed

    with_stub(tmp_path, body)


def test_running_run_is_not_deleted_and_an_ended_one_is(tmp_path: Path, bench: Workbench) -> None:
    async def body(stub: Any) -> None:
        run_id = await create(stub, source(case("t", bench.hold("gate"))))
        error = await refused(stub.DeleteRun(pb.DeleteRunRequest(run_id=run_id)))
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        bench.release("gate")
        await stub.WaitForCleanup(pb.WaitForCleanupRequest(run_id=run_id))
        deleted = await stub.DeleteRun(pb.DeleteRunRequest(run_id=run_id[:20]))
        assert deleted.run_id == run_id
        gone = await refused(stub.GetRun(pb.GetRunRequest(run_id=run_id)))
        assert gone.code() is grpc.StatusCode.NOT_FOUND

    with_stub(tmp_path, body)


def test_lines_of_external_workers_join_the_log_without_secrets(
    tmp_path: Path, bench: Workbench
) -> None:
    async def body(stub: Any) -> None:
        payload = source(case("t", bench.hold("gate")))
        run_id = await create(stub, payload, secrets={"TOKEN": "s3cret-value"})
        await stub.AddLog(
            pb.AddLogRequest(
                run_id=run_id, message="token s3cret-value", color="red", test_name="far away"
            )
        )
        reply = await stub.UpsertRunStep(
            pb.UpsertRunStepRequest(
                run_id=run_id,
                workflow_id="w",
                step_index=2,
                step_name="Get",
                plugin="http",
                status="FAILED",
                error_message="no",
            )
        )
        assert reply.step_id == "w-2"
        bench.release("gate")
        said = await lines(stub, run_id)
        assert "[far away] token ***" in said
        assert "Get (http): FAILED: no" in said
        late = await refused(stub.AddLog(pb.AddLogRequest(run_id=run_id, message="late")))
        assert late.code() is grpc.StatusCode.FAILED_PRECONDITION

    with_stub(tmp_path, body)


def test_server_describes_itself_and_nothing_else(tmp_path: Path) -> None:
    async def body(stub: Any) -> None:
        info = await stub.GetServerInfo(pb.GetServerInfoRequest())
        assert (info.version, info.auth_enabled, info.auth_type) == (__version__, False, "none")
        assert list(info.capabilities) == sorted(info.capabilities)
        assert [(item.type, item.address) for item in info.endpoints] == [
            ("grpc", "grpcs://tests.example:443")
        ]
        auth = await stub.GetAuthConfig(pb.GetAuthConfigRequest())
        assert (auth.auth_enabled, auth.auth_type) == (False, "none")
        assert (await stub.Health(pb.HealthRequest())).status == "ok"

    with_stub(tmp_path, body, public_grpc="grpcs://tests.example:443")
