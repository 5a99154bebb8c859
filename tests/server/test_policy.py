"""Every remote call and every path has a rule, and the rule is what happens, on both listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection_pb2  # type: ignore[import-untyped]
from starlette.routing import BaseRoute, Mount, Route

from rocketship.auth.policy import CALLS, ROUTES, Rule, rule_of_call, rule_of_path
from rocketship.redaction import Secret
from rocketship.server.web.app import HttpApp
from rocketship.settings.auth import AuthSettings, TokenSettings
from rocketship.wire._generated import engine_pb2
from tests.fixtures.engine import RunningEngine, running_engine
from tests.fixtures.issuer import Issuer, running_issuer, sign
from tests.fixtures.issuer import rsa as rsa_key
from tests.server.web.test_app import fetch

USER_TOKEN = "rst_self_" + "u" * 43
WORKER_TOKEN = "rst_self_" + "w" * 43
#: The whole of what strangers may do, written down a second time on purpose.
OPEN_CALLS = {
    "/rocketship.v1.Engine/Health",
    "/rocketship.v1.Engine/GetServerInfo",
    "/rocketship.v1.Engine/GetAuthConfig",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.health.v1.Health/List",
}
OPEN_PATHS = {"/healthz", "/readyz", "/static/{file}"}
WORKER_CALLS = {
    f"/rocketship.v1.Engine/{name}"
    for name in (
        "AddLog",
        "UpsertRunStep",
        "ReportEvents",
        "CheckKey",
        "GetPlan",
        "KeepState",
        "GetState",
    )
}
FILES = (engine_pb2, health_pb2, reflection_pb2)
METHODS = {
    f"/{service.full_name}/{method.name}": method
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
#: What each caller gets on a call or path of each rule, as a status of HTTP.
EXPECTED = {
    Rule.EXEMPT: {"anonymous": 200, "bad": 200, "user": 200, "oidc": 200, "worker": 200},
    Rule.USER: {"anonymous": 401, "bad": 401, "user": 200, "oidc": 200, "worker": 403},
    Rule.WORKER: {"anonymous": 401, "bad": 401, "user": 403, "oidc": 403, "worker": 200},
}
CALLERS = tuple(EXPECTED[Rule.USER])
_STATUSES = {grpc.StatusCode.UNAUTHENTICATED: 401, grpc.StatusCode.PERMISSION_DENIED: 403}


def paths(routes: list[BaseRoute], prefix: str = "") -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount):
            yield from paths(list(route.routes), prefix + route.path)
        else:
            assert isinstance(route, Route)
            yield prefix + route.path


def routes() -> list[str]:
    nothing: Any = None
    return list(paths(list(HttpApp(nothing, nothing, nothing, nothing, nothing).routes)))


@asynccontextmanager
async def guarded_engine(folder: Path, issuer: Issuer) -> AsyncIterator[RunningEngine]:
    auth = AuthSettings(
        modes=("token", "oidc"),
        token=TokenSettings(Secret(f"ci:{USER_TOKEN}")),
        worker=TokenSettings(Secret(WORKER_TOKEN)),
        oidc=issuer.settings(),
    )
    async with running_engine(folder, auth=auth, reflection=True) as engine:
        yield engine


def headers(issuer: Issuer) -> dict[str, dict[str, str]]:
    forged = sign(rsa_key("stranger"), issuer.claims(), kid="one")
    return {
        "anonymous": {},
        "bad": {"authorization": f"Bearer {forged}"},
        "user": {"authorization": f"bearer {USER_TOKEN}"},
        "oidc": {"authorization": f"Bearer {issuer.token()}"},
        "worker": {"authorization": f"Bearer {WORKER_TOKEN}"},
    }


async def status(channel: grpc.aio.Channel, path: str, metadata: dict[str, str]) -> int:
    """Make a call with an empty message; return 200 unless the caller was turned away."""
    method = METHODS[path]
    pairs = tuple(metadata.items())
    try:
        if method.client_streaming:
            stream: Any = channel.stream_stream(path)
            call = stream(iter([b""]), metadata=pairs, timeout=20)
            await call.read()
        elif method.server_streaming:
            replies: Any = channel.unary_stream(path)
            call = replies(b"", metadata=pairs, timeout=20)
            await call.read()
        else:
            unary: Any = channel.unary_unary(path)
            await unary(b"", metadata=pairs, timeout=20)
            return 200
        call.cancel()
    except grpc.aio.AioRpcError as error:
        return _STATUSES.get(error.code(), 200)
    return 200


def test_every_call_has_a_rule() -> None:
    assert {path for path in METHODS if path not in CALLS} == set()


def test_every_path_has_a_rule() -> None:
    assert {path for path in routes() if path not in ROUTES} == set()


def test_rules_are_those_that_were_agreed() -> None:
    assert {path for path, rule in CALLS.items() if rule is Rule.EXEMPT} == OPEN_CALLS
    assert {path for path, rule in ROUTES.items() if rule is Rule.EXEMPT} == OPEN_PATHS
    assert {path for path, rule in CALLS.items() if rule is Rule.WORKER} == WORKER_CALLS
    assert {*CALLS.values()} == {Rule.EXEMPT, Rule.USER, Rule.WORKER}
    assert {*ROUTES.values()} == {Rule.EXEMPT, Rule.USER}


@pytest.mark.parametrize(
    "path", ["/rocketship.v1.Engine/createrun", "/rocketship.v1.Engine/", "", "/x/Y"]
)
def test_call_without_a_rule_is_for_nobody(path: str) -> None:
    assert rule_of_call(path) is Rule.NOBODY


@pytest.mark.parametrize(
    "path", ["/healthz/", "//healthz", "/healthz/..", "/HEALTHZ", "/readyz\n", "/x", "", "/runs/x"]
)
def test_path_that_is_nearly_open_is_not(path: str) -> None:
    assert rule_of_path(path) is Rule.USER


@pytest.mark.slow
def test_every_call_and_path_follows_its_rule_for_every_caller(tmp_path: Path) -> None:
    async def main() -> tuple[dict[Any, int], dict[Any, int]]:
        with running_issuer() as issuer:
            async with (
                guarded_engine(tmp_path, issuer) as engine,
                grpc.aio.insecure_channel(engine.grpc) as channel,
            ):
                shown = headers(issuer)
                calls = {
                    (path, caller): await status(channel, path, shown[caller])
                    for path in METHODS
                    for caller in CALLERS
                }
                found = {}
                for path in [*routes(), "/nothing-here"]:
                    concrete = path.replace("{run_id}", "x")
                    for caller in CALLERS:
                        response, _ = await asyncio.to_thread(
                            fetch, engine, concrete, "GET", b"", **shown[caller]
                        )
                        turned_away = response.status in (401, 403)
                        found[path, caller] = response.status if turned_away else 200
                return calls, found

    calls, found = asyncio.run(main())
    assert calls == {
        (path, caller): EXPECTED[CALLS[path]][caller] for path in METHODS for caller in CALLERS
    }
    assert found == {
        (path, caller): EXPECTED[rule_of_path(path)][caller]
        for path in [*routes(), "/nothing-here"]
        for caller in CALLERS
    }


def test_calls_over_http_follow_the_same_rules(tmp_path: Path) -> None:
    async def main() -> dict[Any, str]:
        found = {}
        with running_issuer() as issuer:
            async with guarded_engine(tmp_path, issuer) as engine:
                shown = headers(issuer)
                for path in METHODS:
                    for caller in CALLERS:
                        given = {"content_type": "application/grpc-web+proto", **shown[caller]}
                        # Streams that were let in would go on for ever.
                        given["grpc_timeout"] = "100m"
                        response, _ = await asyncio.to_thread(
                            fetch, engine, path, "POST", b"\0\0\0\0\0", **given
                        )
                        found[path, caller] = response.headers.get("grpc-status", "admitted")
        return found

    codes = {401: "16", 403: "7", 200: "admitted"}
    found = asyncio.run(main())
    assert found == {
        (path, caller): codes[EXPECTED[CALLS[path]][caller]]
        for path in METHODS
        for caller in CALLERS
    }
