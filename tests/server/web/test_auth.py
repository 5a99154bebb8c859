from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rocketship._version import __version__
from rocketship.auth import alb
from rocketship.auth.authenticator import Authenticator
from rocketship.auth.caller import Kind, Principal
from rocketship.redaction import Secret
from rocketship.server.callers import Refusals
from rocketship.server.web.auth import WebCallers
from rocketship.settings.auth import AuthSettings, TokenSettings
from tests.auth.test_alb import KEY, NAME, SETTINGS, STRANGER, pem, say
from tests.fixtures.engine import RunningEngine, running_engine
from tests.fixtures.http_server import HttpServer, answer
from tests.fixtures.issuer import running_issuer
from tests.server.web.test_app import fetch

TOKEN = "rst_self_" + "u" * 43
AUTH = AuthSettings(modes=("token",), token=TokenSettings(Secret(f"ci:{TOKEN}")))
GOOD = f"Bearer {TOKEN}"


def with_engine(
    folder: Path, body: Callable[[RunningEngine], Awaitable[None]], auth: AuthSettings = AUTH
) -> None:
    async def main() -> None:
        async with running_engine(folder, auth=auth) as engine:
            await body(engine)

    asyncio.run(main())


async def get(engine: RunningEngine, path: str, **headers: str) -> tuple[Any, Any]:
    response, body = await asyncio.to_thread(fetch, engine, path, "GET", b"", **headers)
    return response, json.loads(body) if body[:1] == b"{" else body


def test_stranger_gets_401_in_json_with_a_challenge(tmp_path: Path) -> None:
    async def body(engine: RunningEngine) -> None:
        response, said = await get(engine, "/metrics")
        assert response.status == 401
        assert response.headers["content-type"] == "application/json"
        assert response.headers["www-authenticate"] == 'Bearer realm="rocketship"'
        assert "ROCKETSHIP_TOKEN" in said["error"]
        response, _ = await get(engine, "/metrics", authorization="Bearer wrong")
        challenge = 'Bearer realm="rocketship", error="invalid_token"'
        assert response.headers["www-authenticate"] == challenge
        response, page = await get(engine, "/", accept="text/html")
        assert response.status == 401
        assert __version__.encode() not in page

    with_engine(tmp_path, body)


@pytest.mark.parametrize("value", [GOOD, GOOD.lower(), GOOD.upper()[:6] + GOOD[6:], GOOD + " "])
def test_user_sees_everything(tmp_path: Path, value: str) -> None:
    async def body(engine: RunningEngine) -> None:
        for path in ("/", "/metrics"):
            response, _ = await get(engine, path, authorization=value)
            assert response.status == 200

    with_engine(tmp_path, body)


@pytest.mark.parametrize(
    "lines",
    [
        b"Authorization: Bearer wrong",
        b"Authorization:",
        b"Authorization: " + TOKEN.encode(),
        b"Authorization: Basic " + TOKEN.encode(),
        b"Authorization: Bearer " + TOKEN.encode() + b" x",
        b"Authorization: " + GOOD.encode() + b"\r\nAuthorization: " + GOOD.encode(),
        b"Authorization: " + GOOD.encode() + b"\r\nauthorization: Bearer x",
        b"Authorization: Bearer " + "tökén".encode(),
        b"X-Authorization: " + GOOD.encode(),
        b"Cookie: authorization=" + GOOD.encode(),
        b"x-amzn-oidc-identity: root",
        b"x-amzn-oidc-data: " + TOKEN.encode(),
    ],
)
def test_header_that_carries_no_good_token_is_refused(tmp_path: Path, lines: bytes) -> None:
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + lines + b"\r\n\r\n"

    async def body(engine: RunningEngine) -> None:
        assert (await asyncio.to_thread(raw, engine, request)).startswith(b"HTTP/1.1 401")

    with_engine(tmp_path, body)


def raw(engine: RunningEngine, request: bytes) -> bytes:
    address = engine.listening.http
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(request)
        answered = b""
        while chunk := connection.recv(65536):
            answered += chunk
        return answered


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_no_token_and_mind_none(tmp_path: Path, path: str) -> None:
    async def body(engine: RunningEngine) -> None:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "nonsense"}):
            response, _ = await get(engine, path, **headers)
            assert response.status == 200

    with_engine(tmp_path, body)


@pytest.mark.parametrize("path", ["/healthz/", "//healthz", "/healthz%2f..", "/%2e/metrics", "/x"])
def test_path_that_is_nearly_open_is_closed(tmp_path: Path, path: str) -> None:
    async def body(engine: RunningEngine) -> None:
        response, _ = await get(engine, path)
        assert response.status == 401

    with_engine(tmp_path, body)


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_long_body_of_a_stranger_is_read_before_the_answer(tmp_path: Path, version: str) -> None:
    (tmp_path / "body").write_bytes(b"x" * 900_000)

    async def body(engine: RunningEngine) -> None:
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sS", version, "-o", "/dev/null", "-w", "%{http_code} "),
            *("-H", "Expect:", "--data-binary", f"@{tmp_path / 'body'}"),
            f"{engine.url}/metrics",
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert out == b"401 "

    with_engine(tmp_path / "data", body)


def test_websocket_is_turned_away_in_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    request = (
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )

    async def body(engine: RunningEngine) -> None:
        assert (await asyncio.to_thread(raw, engine, request)).startswith(b"HTTP/1.1 403")

    with_engine(tmp_path, body)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_log_names_the_caller_and_never_a_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "rocketship")

    async def body(engine: RunningEngine) -> None:
        await get(engine, "/", authorization=GOOD)
        await get(engine, "/", authorization="Bearer wrong-token-of-somebody")

    with_engine(tmp_path, body)
    records = [vars(record) for record in caplog.records]
    told = [item for item in records if item["msg"] == "http"]
    assert [(item["status"], item.get("principal"), item["levelname"]) for item in told] == [
        (200, "ci", "INFO"),
        (401, None, "DEBUG"),
    ]
    (refused,) = (item for item in records if item["msg"] == "refused")
    assert (refused["path"], refused["peer"]) == ("/", "127.0.0.1")
    assert TOKEN not in str(records)
    assert "wrong-token-of-somebody" not in str(records)


def test_provider_that_is_down_is_told_as_such(tmp_path: Path) -> None:
    with running_issuer() as issuer:
        auth, token = issuer.auth(), issuer.token()

    async def body(engine: RunningEngine) -> None:
        response, _ = await get(engine, "/metrics", authorization=f"Bearer {token}")
        assert response.status == 503
        assert response.headers["retry-after"] == "1"
        response, _ = await get(engine, "/healthz")
        assert response.status == 200

    with_engine(tmp_path, body, auth)


def test_person_a_load_balancer_has_logged_in_is_a_user_of_the_web(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rocketship")
    auth = AuthSettings(modes=("token",), token=AUTH.token, alb=SETTINGS)
    good, forged = (say(key, exp=2**32) for key in (KEY, STRANGER))

    async def body(engine: RunningEngine) -> None:
        for shown, status in ((good, 200), (forged, 401), ("nonsense", 401)):
            response, _ = await get(engine, "/", x_amzn_oidc_data=shown)
            assert response.status == status
        # A token that was shown is what counts.
        response, _ = await get(engine, "/", x_amzn_oidc_data=good, authorization="Bearer wrong")
        assert response.status == 401
        twice = f"x-amzn-oidc-data: {good}\r\n" * 2
        request = f"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{twice}\r\n"
        assert (await asyncio.to_thread(raw, engine, request.encode())).startswith(b"HTTP/1.1 401")

    with HttpServer({f"/{NAME}": answer(pem(KEY))}) as keys:
        monkeypatch.setattr(alb, "key_server", lambda region: keys.url("").rstrip("/"))
        with_engine(tmp_path, body, auth)
    seen = [vars(item).get("principal") for item in caplog.records if item.msg == "http"]
    assert seen == ["bob@x.example"]


@pytest.mark.parametrize("configured", [True, False])
def test_nobody_behind_sees_the_word_of_a_load_balancer(configured: bool) -> None:
    class Everybody:
        async def verify(self, token: str) -> Principal | None:
            return Principal(Kind.USER, "al")

    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["headers"], scope["state"]["principal"].name))

    authenticator = Authenticator(
        [Everybody()], load_balancer=Everybody() if configured else None, anonymous=not configured
    )
    headers = [
        (b"host", b"x"),
        (b"x-amzn-oidc-data", b"a.b.c"),
        (b"x-amzn-oidc-identity", b"root"),
        (b"x-amzn-oidc-accesstoken", b"s3cret"),
    ]
    scope = {"type": "http", "path": "/", "headers": headers, "state": {}}
    unused: Any = None
    asyncio.run(WebCallers(app, authenticator, Refusals(), unused)(scope, unused, unused))

    assert seen == [([(b"host", b"x")], "al" if configured else "anonymous")]
