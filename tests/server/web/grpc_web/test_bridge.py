"""The API for browsers, over every version of HTTP, with servicers made for each case."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from starlette.responses import PlainTextResponse

from rocketship.engine.hub import Hub
from rocketship.errors import NotFound
from rocketship.server.metrics import Metrics
from rocketship.server.rpc.interceptors import Requests
from rocketship.server.rpc.listener import listen
from rocketship.server.web.grpc_web.bridge import GrpcWeb
from rocketship.server.web.hypercorn import HttpListener
from rocketship.server.web.middleware import DrainedBody
from rocketship.settings.web import WebSettings
from rocketship.wire import status
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated import engine_pb2_grpc as pb_grpc
from rocketship.wire.limits import MAX_REQUEST_BYTES
from tests.fixtures.engine import HERE, running_engine
from tests.fixtures.grpc_web import Answer, call, frame
from tests.server.rpc.test_servicer import source

ENGINE = "/rocketship.v1.Engine/"
LIST = pb.ListRunsRequest(branch="main").SerializeToString()


class Servicer(pb_grpc.EngineServicer):
    """Answers in every way a servicer can."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.closed = asyncio.Event()
        self.metadata: dict[str, str | bytes] = {}

    async def ListRuns(self, request: pb.ListRunsRequest, context: Any) -> pb.ListRunsResponse:
        self.metadata = dict(context.invocation_metadata())
        await context.send_initial_metadata((("x-first", "1"), ("x-first-bin", b"\x00\xff")))
        context.set_trailing_metadata((("x-last", "2"), ("x-last-bin", b"\xfe")))
        return pb.ListRunsResponse(next_cursor=f"{request.branch} {context.peer()}")

    async def DeleteRun(self, request: pb.DeleteRunRequest, context: Any) -> None:
        raise NotFound("gibt’s nicht: é", hint="100% sure")

    async def Health(self, request: pb.HealthRequest, context: Any) -> pb.HealthResponse:
        await asyncio.Event().wait()
        return pb.HealthResponse()

    async def StreamLogs(
        self, request: pb.LogStreamRequest, context: Any
    ) -> AsyncGenerator[pb.LogLine]:
        for number in range(int(request.run_id)):
            yield pb.LogLine(msg=str(number))
        if int(request.run_id) == 2:
            raise NotFound("lost in the middle")

    async def WatchRun(self, request: pb.WatchRunRequest, context: Any) -> None:
        await context.write(pb.WatchRunResponse(lagged=True))
        self.open.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.closed.set()


@asynccontextmanager
async def bridge() -> AsyncIterator[tuple[Servicer, str]]:
    servicer = Servicer()
    interceptors = [Requests(Metrics(Hub()))]
    app = DrainedBody(GrpcWeb(PlainTextResponse("something else"), servicer, interceptors))
    http = HttpListener(app, listen(HERE, "HTTP", ""))
    await http.start()
    try:
        yield servicer, f"http://{http.address}"
    finally:
        await http.stop(1)


def ask(rpc: str, body: bytes, **options: Any) -> Answer:
    async def main() -> Answer:
        async with bridge() as (_, url):
            return await asyncio.to_thread(call, url, ENGINE + rpc, body, **options)

    return asyncio.run(main())


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_unary_call_answers_with_message_status_and_metadata(version: str) -> None:
    async def main() -> None:
        async with bridge() as (servicer, url):
            answer = await asyncio.to_thread(
                call, url, ENGINE + "ListRuns", frame(LIST), version=version,
                x_mine="yes", x_mine_bin=base64.b64encode(b"\x01").decode().rstrip("="),
            )  # fmt: skip
            assert answer.http_status == 200
            assert answer.headers["content-type"] == "application/grpc-web+proto"
            [message] = answer.messages
            cursor = pb.ListRunsResponse.FromString(message).next_cursor
            assert cursor.startswith("main ipv4:127.0.0.1:")
            assert answer.status == 0
            assert answer.headers["x-first"] == "1"
            assert base64.b64decode(answer.headers["x-first-bin"]) == b"\x00\xff"
            assert answer.trailers["x-last"] == "2"
            assert base64.b64decode(answer.trailers["x-last-bin"]) == b"\xfe"
            assert (servicer.metadata["x-mine"], servicer.metadata["x-mine-bin"]) == ("yes", b"\1")

    asyncio.run(main())


def test_text_encoding_carries_the_same() -> None:
    body = base64.b64encode(frame(LIST))

    answer = ask("ListRuns", body, content_type="application/grpc-web-text")

    assert answer.headers["content-type"] == "application/grpc-web-text+proto"
    assert answer.status == 0
    assert len(answer.messages) == 1


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_error_arrives_with_its_words_and_details(version: str) -> None:
    answer = ask("DeleteRun", frame(b""), version=version)

    assert answer.status == grpc.StatusCode.NOT_FOUND.value[0]
    assert answer.text == "gibt’s nicht: é; 100% sure"
    assert base64.b64decode(answer.trailers[status.DETAILS_KEY])


@pytest.mark.parametrize(("count", "code"), [("0", 0), ("1", 0), ("3", 0), ("2", 5)])
def test_stream_ends_with_a_status_after_its_messages(count: str, code: int) -> None:
    request = pb.LogStreamRequest(run_id=count).SerializeToString()

    answer = ask("StreamLogs", frame(request))

    assert [pb.LogLine.FromString(item).msg for item in answer.messages] == [
        str(number) for number in range(int(count))
    ]
    assert answer.status == code


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_stream_is_cancelled_when_its_reader_leaves(version: str) -> None:
    async def main() -> None:
        async with bridge() as (servicer, url):
            answer = await asyncio.to_thread(
                call, url, ENGINE + "WatchRun", frame(b""), version=version, stop_after=1
            )
            assert len(answer.messages) == 1
            async with asyncio.timeout(5):
                await servicer.closed.wait()

    asyncio.run(main())


def test_deadline_ends_a_call_and_is_told() -> None:
    answer = ask("Health", frame(b""), grpc_timeout="50m")

    assert answer.status == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]


def test_deadline_ends_a_stream_after_what_was_sent() -> None:
    answer = ask("WatchRun", frame(b""), grpc_timeout="200m")

    assert len(answer.messages) == 1
    assert answer.status == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"", {}, 3),
        (b"\0\0\0\0", {}, 3),
        (b"\0\0\0\0\5abc", {}, 3),
        (frame(LIST) + frame(LIST), {}, 3),
        (frame(LIST, flags=0x80), {}, 3),
        (frame(LIST, flags=1), {}, 12),
        (frame(b"\xff\xff\xff\xff"), {}, 3),
        (b"\0" + (MAX_REQUEST_BYTES + 1).to_bytes(4, "big") + b"x", {}, 8),
        (frame(LIST), {"grpc_timeout": "soon"}, 3),
        (frame(LIST), {"grpc_timeout": "5"}, 3),
        (frame(LIST), {"x_mine_bin": "*"}, 3),
        (b"not base64!", {"content_type": "application/grpc-web-text"}, 3),
    ],
)
def test_malformed_request_gets_a_status(body: bytes, headers: dict[str, str], code: int) -> None:
    answer = ask("ListRuns", body, **headers)

    assert (answer.http_status, answer.status) == (200, code)
    assert answer.text


def test_body_above_the_limit_is_refused_while_it_comes() -> None:
    answer = ask("ListRuns", bytes(MAX_REQUEST_BYTES * 3 // 2))

    assert answer.status == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


def test_body_that_never_arrives_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rocketship.server.web.grpc_web.framing.BODY_SECONDS", 0.1)
    monkeypatch.setattr("rocketship.server.web.middleware.DRAIN_SECONDS", 0.1)
    head = [
        f"POST {ENGINE}Health HTTP/1.1",
        "host: x",
        "content-type: application/grpc-web+proto",
        "content-length: 1000",
        "",
        "abc",
    ]

    async def main() -> bytes:
        async with bridge() as (_, url):
            host, port = url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write("\r\n".join(head).encode())
            async with asyncio.timeout(10):
                answer = await reader.read()
            writer.close()
            return answer

    answer = asyncio.run(main())
    assert b"grpc-status: 4" in answer
    assert b"did not arrive" in answer


@pytest.mark.parametrize("method", ["Nothing", "../Engine/ListRuns", ""])
def test_unknown_method_is_unimplemented(method: str) -> None:
    assert ask(method, frame(b"")).status == grpc.StatusCode.UNIMPLEMENTED.value[0]


@pytest.mark.parametrize(
    "options",
    [{"method": "GET"}, {"content_type": "application/json"}, {"content_type": "text/html"}],
)
def test_other_requests_go_to_the_other_app(options: dict[str, str]) -> None:
    assert ask("ListRuns", b"", **options).body == b"something else"


def test_engine_answers_browsers_on_its_http_port(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_engine(tmp_path) as engine:
            request = pb.CreateRunRequest(yaml_payload=source())

            def browser(method: str, message: Any) -> Answer:
                return call(engine.url, ENGINE + method, frame(message.SerializeToString()))

            created = await asyncio.to_thread(browser, "CreateRun", request)
            run_id = pb.CreateRunResponse.FromString(created.messages[0]).run_id
            watched = await asyncio.to_thread(
                browser, "WatchRun", pb.WatchRunRequest(run_id=run_id)
            )
            events = [pb.WatchRunResponse.FromString(item).event for item in watched.messages]
            assert json.loads(events[-1].json)["status"] == "PASSED"
            info = await asyncio.to_thread(browser, "GetServerInfo", pb.GetServerInfoRequest())
            told = pb.GetServerInfoResponse.FromString(info.messages[0])
            assert "grpc-web" in told.capabilities

    asyncio.run(main())


def test_engine_without_grpc_web_says_so(tmp_path: Path) -> None:
    async def main() -> Answer:
        async with running_engine(tmp_path, web=WebSettings(grpc_web=False)) as engine:
            return await asyncio.to_thread(call, engine.url, ENGINE + "ListRuns", frame(b""))

    answer = asyncio.run(main())
    assert answer.status == grpc.StatusCode.UNIMPLEMENTED.value[0]
    assert "ROCKETSHIP_GRPC_WEB" in answer.text


def test_other_origins_are_refused_unless_listed(tmp_path: Path) -> None:
    async def main() -> None:
        friend, stranger = "https://tools.example", "https://evil.example"
        web = WebSettings(origins=(friend,))
        async with running_engine(tmp_path, web=web) as engine:

            def browser(origin: str, method: str = "POST", **headers: Any) -> Answer:
                body = frame(b"") if method == "POST" else b""
                return call(
                    engine.url, ENGINE + "ListRuns", body, method=method, origin=origin, **headers
                )

            def preflight(origin: str) -> Answer:
                asked = {"access_control_request_method": "POST"}
                asked["access_control_request_headers"] = "content-type,x-grpc-web"
                return browser(origin, "OPTIONS", **asked)

            allowed = await asyncio.to_thread(preflight, friend)
            assert allowed.headers["access-control-allow-origin"] == friend
            answered = await asyncio.to_thread(browser, friend)
            assert answered.status == 0
            assert answered.headers["access-control-allow-origin"] == friend
            denied = await asyncio.to_thread(preflight, stranger)
            assert "access-control-allow-origin" not in denied.headers
            assert (await asyncio.to_thread(browser, stranger)).http_status == 403
            own = await asyncio.to_thread(browser, engine.url)
            assert own.status == 0
            fetched = {"sec_fetch_site": "cross-site"}
            refused = await asyncio.to_thread(lambda: browser(engine.url, **fetched))
            assert refused.http_status == 403

    asyncio.run(main())
