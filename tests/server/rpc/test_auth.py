from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from rocketship.auth.authenticator import Authenticator
from rocketship.auth.caller import Kind, Principal
from rocketship.engine.hub import Hub
from rocketship.errors import Unauthenticated
from rocketship.redaction import Secret
from rocketship.server.callers import CALLER, Refusals
from rocketship.server.metrics import Metrics
from rocketship.server.rpc.auth import Callers
from rocketship.server.rpc.interceptors import Requests
from rocketship.server.rpc.listener import MAX_METADATA_BYTES
from rocketship.settings.auth import AuthSettings, TokenSettings
from rocketship.wire import status
from rocketship.wire._generated import engine_pb2 as pb
from tests.fixtures.engine import engine_stub, running_engine
from tests.fixtures.issuer import AUDIENCE, running_issuer
from tests.fixtures.workbench import Workbench, case
from tests.server.rpc.test_servicer import create, lines, source

TOKEN = "rst_self_" + "u" * 43
AUTH = AuthSettings(modes=("token",), token=TokenSettings(Secret(f"ci:{TOKEN}")))
GOOD = (("authorization", f"Bearer {TOKEN}"),)
#: One call of each shape, under names that have a rule.
SHAPES = {
    "CreateRun": (grpc.unary_unary_rpc_method_handler, "unary_unary"),
    "WatchRun": (grpc.unary_stream_rpc_method_handler, "unary_stream"),
    "GetRun": (grpc.stream_unary_rpc_method_handler, "stream_unary"),
    "ListRuns": (grpc.stream_stream_rpc_method_handler, "stream_stream"),
}


class Names:
    """Knows a token for each name, with an end when one is given."""

    def __init__(self, expires_at: float | None = None) -> None:
        self._expires_at = expires_at

    async def verify(self, token: str) -> Principal | None:
        if token == "hang":
            await asyncio.sleep(60)
        if token == "break":
            raise RuntimeError("password is s3cret")
        if token == "expired":
            raise Unauthenticated("the token has expired")
        if token.startswith("name-"):
            return Principal(Kind.USER, token[5:], expires_at=self._expires_at)
        return None


async def _name(request: Any, context: Any) -> bytes:
    return CALLER.get().name.encode()


async def _names(request: Any, context: Any) -> AsyncIterator[bytes]:
    for _ in range(2):
        yield CALLER.get().name.encode()


async def _names_for_ever(request: Any, context: Any) -> AsyncIterator[bytes]:
    yield CALLER.get().name.encode()
    await asyncio.sleep(60)


@asynccontextmanager
async def shapes(
    verifier: Names, stream: Callable[[Any, Any], AsyncIterator[bytes]] = _names
) -> AsyncIterator[grpc.aio.Channel]:
    """Serve one call of each shape, which answers with its caller's name."""
    interceptors = (Requests(Metrics(Hub())), Callers(Authenticator([verifier]), Refusals()))
    sizes = ("grpc.max_metadata_size", "grpc.absolute_max_metadata_size")
    options = [(name, MAX_METADATA_BYTES) for name in sizes]
    server = grpc.aio.server(interceptors=interceptors, options=options)
    handlers = {
        name: make(stream if kind.endswith("_stream") else _name, bytes, bytes)
        for name, (make, kind) in SHAPES.items()
    }
    service = grpc.method_handlers_generic_handler("rocketship.v1.Engine", handlers)
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(None)


async def _nothing() -> AsyncIterator[bytes]:
    """Send nothing, for ever: a message that meets the end of its call hides the call's status.

    See https://github.com/grpc/grpc/issues/36066.
    """
    await asyncio.Event().wait()
    yield b""


async def call(channel: grpc.aio.Channel, name: str, *values: str) -> list[str]:
    """Return the names that are answered; raises the status."""
    kind = SHAPES[name][1]
    request: Any = _nothing() if kind.startswith("stream") else b"x"
    metadata = tuple(("authorization", value) for value in values)
    made = getattr(channel, kind)(f"/rocketship.v1.Engine/{name}")(
        request, metadata=metadata, timeout=20
    )
    if kind.endswith("_stream"):
        return [item.decode() async for item in made]
    return [(await made).decode()]


async def refusal(work: Awaitable[Any]) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await work
    return caught.value.code().name, str(caught.value.details())


@pytest.mark.parametrize("name", SHAPES)
def test_caller_is_known_in_calls_of_every_shape(name: str) -> None:
    async def main() -> None:
        async with shapes(Names()) as channel:
            for value in ("Bearer name-al", "bearer name-al"):
                assert set(await call(channel, name, value)) == {"al"}
            many = await asyncio.gather(
                *(call(channel, name, f"Bearer name-{n}") for n in range(20))
            )
            assert [set(item) for item in many] == [{str(n)} for n in range(20)]

    asyncio.run(main())


@pytest.mark.parametrize("name", SHAPES)
def test_stranger_is_refused_in_calls_of_every_shape(name: str) -> None:
    async def main() -> None:
        async with shapes(Names()) as channel:
            for values, text in (
                ((), "a bearer token is needed"),
                (("",), "a bearer token is needed"),
                (("Bearer other",), "the token is not valid here"),
                (("Bearer name-al", "Bearer name-al"), "multiple authorization headers"),
                (("Basic bmFtZTphbA==",), "not of the form"),
                (("Bearer " + "x" * 17_000,), "larger than 16 KiB"),
                (("Bearer expired",), "the token has expired"),
            ):
                code, details = await refusal(call(channel, name, *values))
                assert (code, text in details) == ("UNAUTHENTICATED", True), details

    asyncio.run(main())


@pytest.mark.parametrize("name", SHAPES)
def test_stream_ends_with_its_token(name: str) -> None:
    async def main() -> None:
        async with shapes(Names(time.time() + 0.3), _names_for_ever) as channel:
            if SHAPES[name][1].endswith("_stream"):
                code, details = await refusal(call(channel, name, "Bearer name-al"))
                assert (code, details.startswith("token expired")) == ("UNAUTHENTICATED", True)
            else:
                assert await call(channel, name, "Bearer name-al") == ["al"]

    asyncio.run(main())


def test_fault_in_the_authenticator_lets_nobody_in_and_keeps_its_words() -> None:
    async def main() -> None:
        async with shapes(Names()) as channel:
            for name in SHAPES:
                code, details = await refusal(call(channel, name, "Bearer break"))
                assert code == "UNAVAILABLE"
                assert "s3cret" not in details

    asyncio.run(main())


def test_refusal_tells_how_to_get_in(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_engine(tmp_path, auth=AUTH) as engine, engine_stub(engine) as stub:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.ListRuns(pb.ListRunsRequest())
            trailers = dict(caught.value.trailing_metadata() or ())
            assert trailers["www-authenticate"] == 'Bearer realm="rocketship"'
            error = status.from_rpc(caught.value)
            assert isinstance(error, Unauthenticated)
            assert "rocketship login" in str(error.hint)

    asyncio.run(main())


def test_stranger_learns_nothing_from_a_malformed_message(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            running_engine(tmp_path, auth=AUTH) as engine,
            grpc.aio.insecure_channel(engine.grpc) as channel,
        ):
            unary: Any = channel.unary_unary("/rocketship.v1.Engine/CreateRun")
            code, _ = await refusal(unary(b"\xff\xff\xff", timeout=10))
            assert code == "UNAUTHENTICATED"

    asyncio.run(main())


def test_log_names_the_caller_and_never_a_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "rocketship")
    wrong = "rst_self_" + "x" * 43

    async def main() -> str:
        async with running_engine(tmp_path, auth=AUTH) as engine, engine_stub(engine) as stub:
            run_id: str = (
                await stub.CreateRun(pb.CreateRunRequest(yaml_payload=source()), metadata=GOOD)
            ).run_id
            bad = (("authorization", f"Bearer {wrong}"),)
            await refusal(stub.GetRun(pb.GetRunRequest(run_id=run_id), metadata=bad))
            return run_id

    run_id = asyncio.run(main())
    records = [vars(record) for record in caplog.records]
    calls = [item for item in records if item["msg"] == "rpc"]
    assert [(c["method"], c["code"], c.get("principal"), c["levelname"]) for c in calls] == [
        ("CreateRun", "OK", "ci", "INFO"),
        ("GetRun", "UNAUTHENTICATED", None, "DEBUG"),
    ]
    assert calls[0]["run_id"] == run_id
    (refused,) = (item for item in records if item["msg"] == "refused")
    assert refused["reason"] == "the token is not valid here"
    assert refused["path"] == "/rocketship.v1.Engine/GetRun"
    assert refused["peer"].startswith("ipv4:127.0.0.1:")
    assert TOKEN not in str(records)
    assert wrong not in str(records)


def test_run_records_who_started_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_engine(tmp_path, auth=AUTH) as engine, engine_stub(engine) as stub:
            context = pb.RunContext(metadata={"started_by": "somebody else", "team": "core"})
            request = pb.CreateRunRequest(yaml_payload=source(), context=context)
            run_id = (await stub.CreateRun(request, metadata=GOOD)).run_id
            run = (await stub.GetRun(pb.GetRunRequest(run_id=run_id), metadata=GOOD)).run
            assert dict(run.context.metadata) == {"started_by": "ci", "team": "core"}

    asyncio.run(main())


def test_engine_without_authentication_records_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_engine(tmp_path) as engine, engine_stub(engine) as stub:
            run_id = await create(stub)
            await lines(stub, run_id)
            run = (await stub.GetRun(pb.GetRunRequest(run_id=run_id))).run
            assert dict(run.context.metadata) == {}
            # A client that has a token for other engines sends it here, too.
            await stub.ListRuns(pb.ListRunsRequest(), metadata=GOOD)

    asyncio.run(main())


def test_watched_run_ends_its_stream_with_the_token(tmp_path: Path, bench: Workbench) -> None:
    async def main() -> None:
        with running_issuer() as issuer:
            async with (
                running_engine(tmp_path, auth=issuer.auth()) as engine,
                engine_stub(engine) as stub,
            ):
                long = (("authorization", f"Bearer {issuer.token()}"),)
                request = pb.CreateRunRequest(yaml_payload=source(case("t", bench.hold("gate"))))
                run_id = (await stub.CreateRun(request, metadata=long)).run_id
                token = issuer.token(exp=time.time() + 0.5)
                watch = stub.WatchRun(
                    pb.WatchRunRequest(run_id=run_id),
                    metadata=(("authorization", f"Bearer {token}"),),
                )

                async def all_of_it() -> None:
                    async for _ in watch:
                        pass

                code, details = await refusal(all_of_it())
                assert code == "UNAUTHENTICATED"
                assert details.startswith("token expired")
                # The run itself goes on.
                run = (await stub.GetRun(pb.GetRunRequest(run_id=run_id), metadata=long)).run
                assert run.status == "RUNNING"

    asyncio.run(main())


def test_strangers_are_told_how_to_log_in_and_nothing_else(tmp_path: Path) -> None:
    async def main() -> None:
        with running_issuer() as issuer:
            oidc = issuer.settings(client_id="cli", scopes=("openid", "runs"))
            async with (
                running_engine(tmp_path, auth=issuer.auth(oidc=oidc)) as engine,
                engine_stub(engine) as stub,
            ):
                info = await stub.GetServerInfo(pb.GetServerInfoRequest())
                assert (info.auth_enabled, info.auth_type) == (True, "oidc")
                assert (info.issuer, info.audience, info.client_id) == (issuer.url, AUDIENCE, "cli")
                assert list(info.scopes) == ["openid", "runs"]
                assert info.token_endpoint == f"{issuer.url}/token"
                assert info.device_authorization_endpoint == f"{issuer.url}/device"
                assert info.auth_endpoint == f"{issuer.url}/device"
                assert "auth.oidc" in info.capabilities
                assert list(info.capabilities) == sorted(info.capabilities)
                old = await stub.GetAuthConfig(pb.GetAuthConfigRequest())
                assert (old.auth_enabled, old.auth_type) == (True, "oidc")
                assert old.auth_endpoint == f"{issuer.url}/device"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("auth", "kind", "capabilities"),
    [
        (AuthSettings(), "none", set()),
        (AUTH, "token", {"auth.token"}),
    ],
)
def test_mode_is_advertised(
    tmp_path: Path, auth: AuthSettings, kind: str, capabilities: set[str]
) -> None:
    async def main() -> None:
        async with running_engine(tmp_path, auth=auth) as engine, engine_stub(engine) as stub:
            info = await stub.GetServerInfo(pb.GetServerInfoRequest())
            assert (info.auth_enabled, info.auth_type) == (kind != "none", kind)
            assert {c for c in info.capabilities if c.startswith("auth.")} == capabilities
            assert (info.issuer, info.token_endpoint, list(info.scopes)) == ("", "", [])

    asyncio.run(main())


def test_worker_token_keeps_the_calls_of_workers_to_workers_even_in_mode_none(
    tmp_path: Path,
) -> None:
    worker = "rst_self_" + "w" * 43
    auth = AuthSettings(worker=TokenSettings(Secret(worker)))

    async def main() -> None:
        async with running_engine(tmp_path, auth=auth) as engine, engine_stub(engine) as stub:
            run_id = await create(stub)
            request = pb.AddLogRequest(run_id=run_id, message="hello")
            code, _ = await refusal(stub.AddLog(request))
            assert code == "PERMISSION_DENIED"
            shown = (("authorization", f"Bearer {worker}"),)
            code, details = await refusal(stub.ListRuns(pb.ListRunsRequest(), metadata=shown))
            assert code == "PERMISSION_DENIED"
            assert "worker" in details

    asyncio.run(main())


@pytest.mark.parametrize("name", ["CheckKey", "GetPlan", "ReportEvents", "KeepState", "GetState"])
def test_users_cannot_do_what_workers_do(tmp_path: Path, name: str) -> None:
    worker = TokenSettings(Secret("rst_self_" + "w" * 43))
    auth = AuthSettings(modes=("token",), token=AUTH.token, worker=worker)
    requests = {
        "CheckKey": pb.CheckKeyRequest(),
        "GetPlan": pb.GetPlanRequest(run_id="0" * 26),
        "ReportEvents": _nothing(),
        "KeepState": pb.KeepStateRequest(run_id="0" * 26, name="globals", json="{}"),
        "GetState": pb.GetStateRequest(run_id="0" * 26, name="globals"),
    }

    async def main() -> None:
        async with running_engine(tmp_path, auth=auth) as engine, engine_stub(engine) as stub:
            call = getattr(stub, name)(requests[name], metadata=GOOD)
            answer = call.read() if name == "ReportEvents" else call
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await answer
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
            assert "only workers may do this" in str(caught.value.details())

    asyncio.run(main())
