"""A name that somebody else lets point to the engine must not stand for it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rocketship.redaction import Secret
from rocketship.settings.auth import AuthSettings, TokenSettings
from rocketship.settings.web import WebSettings
from rocketship.wire._generated import engine_pb2 as pb
from tests.fixtures.engine import running_engine
from tests.fixtures.grpc_web import Answer, call, frame
from tests.server.rpc.test_servicer import source
from tests.server.web.test_app import fetch

CREATE = "/rocketship.v1.Engine/CreateRun"


def asked(folder: Path, host: str, path: str = "/", **changes: Any) -> tuple[int, bytes]:
    async def main() -> tuple[int, bytes]:
        async with running_engine(folder, **changes) as engine:
            response, body = await asyncio.to_thread(fetch, engine, path, host=host)
            return response.status, body

    return asyncio.run(main())


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_page_of_a_rebound_name_cannot_run_anything(tmp_path: Path, version: str) -> None:
    message = frame(pb.CreateRunRequest(yaml_payload=source()).SerializeToString())
    headers: dict[str, Any] = {
        "host": "attacker.test",
        "origin": "http://attacker.test",
        "sec_fetch_site": "same-origin",
    }

    async def main() -> tuple[Answer, bytes]:
        async with running_engine(tmp_path) as engine:
            answer = await asyncio.to_thread(
                call, engine.url, CREATE, message, version=version, **headers
            )
            _, runs = await asyncio.to_thread(fetch, engine, "/", accept="text/html")
            return answer, runs

    answer, runs = asyncio.run(main())
    assert answer.http_status == 421
    assert "ROCKETSHIP_PUBLIC_HTTP_ENDPOINT" in json.loads(answer.body)["error"]
    assert b"/runs/" not in runs


@pytest.mark.parametrize("host", ["attacker.test:7701", "127.0.0.1.nip.test", "xlocalhost", "[::"])
def test_request_for_the_host_of_somebody_else_is_misdirected(tmp_path: Path, host: str) -> None:
    assert asked(tmp_path, host)[0] == 421


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.:80", "a.localhost:7701", "127.0.0.9:1", "[::1]:7701", "192.0.2.7"],
)
def test_request_for_a_host_that_nobody_else_can_own_is_answered(tmp_path: Path, host: str) -> None:
    assert asked(tmp_path, host)[0] == 200


@pytest.mark.parametrize("host", ["pages.example", "Calls.example:443", "tools.example:5173"])
def test_request_for_a_host_the_engine_was_given_is_answered(tmp_path: Path, host: str) -> None:
    status, _ = asked(
        tmp_path,
        host,
        public_http="https://pages.example:8443/rocketship",
        public_grpc="calls.example",
        web=WebSettings(origins=("http://tools.example:5173",)),
    )

    assert status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probe_is_answered_by_any_name(tmp_path: Path, path: str) -> None:
    assert asked(tmp_path, "engine.cluster.example", path)[0] == 200


def test_any_name_will_do_where_everybody_may_call(tmp_path: Path) -> None:
    assert asked(tmp_path, "team.example", auth=AuthSettings(allow_anonymous=True))[0] == 200


def test_any_name_will_do_where_a_token_is_asked_for(tmp_path: Path) -> None:
    guarded = AuthSettings(modes=("token",), token=TokenSettings(Secret("t" * 40)))

    assert asked(tmp_path, "team.example", auth=guarded)[0] == 401
