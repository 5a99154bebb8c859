from __future__ import annotations

import asyncio

import pytest

from rocketship.errors import ConfigError, ConnectionFailed
from rocketship.plugins.http.client import Proxy
from rocketship.plugins.http.connection import choose_proxy
from tests.fixtures.http_server import Got, HttpServer, answer
from tests.plugins.http.steps import run

OK = {"*": answer("ok")}


class HttpProxy:
    """Forwards plain requests and tunnels; keeps the first line of each, and its credentials."""

    def __init__(self, verdict: bytes | None = None) -> None:
        self.lines: list[str] = []
        self.credentials: list[str | None] = []
        self._verdict = verdict

    def __enter__(self) -> HttpProxy:
        self._server = HttpServer({"*": self._forward})
        self._server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.__exit__(None, None, None)

    @property
    def url(self) -> str:
        return self._server.url("")

    async def _forward(self, got: Got, writer: asyncio.StreamWriter) -> None:
        self.lines.append(f"{got.method} {got.target}")
        self.credentials.append(got.one("proxy-authorization"))
        if self._verdict is not None:
            writer.write(self._verdict)
        elif got.method == "CONNECT":
            await self._tunnel(got, writer)
        else:
            writer.write(answer(f"forwarded {got.target}"))

    async def _tunnel(self, got: Got, writer: asyncio.StreamWriter) -> None:
        host, _, port = got.target.partition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
        near_reader = writer.transport.get_protocol()._stream_reader  # type: ignore[attr-defined]

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while piece := await source.read(65536):
                sink.write(piece)
            sink.close()

        await asyncio.gather(pump(near_reader, far_writer), pump(far_reader, writer))


def test_proxy_forwards_plain_requests():
    with HttpProxy() as proxy:
        outcome = run({"url": "http://shop.example/a?b=1", "proxy": proxy.url})
    assert outcome.subject.text == "forwarded http://shop.example/a?b=1"
    assert proxy.lines == ["GET http://shop.example/a?b=1"]


def test_proxy_tunnels_encrypted_requests(server_tls, files):
    with HttpServer(OK, server_tls) as server, HttpProxy() as proxy:
        config = {"url": server.url(), "proxy": proxy.url, "ca": "ca.pem"}
        outcome = run(config, files=files)
        assert proxy.lines == [f"CONNECT 127.0.0.1:{server.port}"]
    assert outcome.subject.text == "ok"
    assert outcome.subject.header("x-proxy") is None


def test_proxy_password_is_sent_and_hidden():
    with HttpProxy() as proxy:
        url = proxy.url.replace("://", "://me:open-sesame@")
        outcome = run({"url": "http://shop.example/", "proxy": url})
    assert proxy.credentials[0] is not None
    assert "open-sesame" in outcome.secrets
    assert "open-sesame" not in outcome.reproduce


def test_proxy_that_refuses_the_tunnel_is_a_connection_error():
    with HttpProxy(answer("no", "403 Forbidden")) as proxy:
        failure = run({"url": "https://shop.example/", "proxy": proxy.url}).failure
    assert isinstance(failure, ConnectionFailed)
    assert "403" in failure.message


def test_proxy_of_the_environment_is_used_unless_the_step_says_no(monkeypatch):
    with HttpProxy() as proxy, HttpServer(OK) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert "forwarded" in run({"url": "http://shop.example/"}).subject.text
        assert run({"url": server.url()}).subject.text == "ok"  # this machine itself
        outcome = run({"url": "http://nobody.invalid/", "proxy": ""})
    assert isinstance(outcome.failure, ConnectionFailed)


def test_no_proxy_of_the_environment_is_kept(monkeypatch):
    with HttpProxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "other.example, .invalid")
        failure = run({"url": "http://nobody.invalid/"}).failure
        assert proxy.lines == []
    assert isinstance(failure, ConnectionFailed)


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        ("http://h/", {}, Proxy()),
        ("http://h/", {"HTTP_PROXY": "http://p"}, Proxy("http://p")),
        ("http://h/", {"HTTP_PROXY": "http://p", "http_proxy": "http://q"}, Proxy("http://q")),
        ("https://h/", {"HTTP_PROXY": "http://p"}, Proxy()),
        ("https://h/", {"HTTPS_PROXY": "p:1", "NO_PROXY": "x"}, Proxy("p:1", "x")),
        ("https://h/", {"ALL_PROXY": "socks5://p"}, Proxy("socks5://p")),
        ("http://localhost/", {"HTTP_PROXY": "http://p"}, Proxy()),
        ("http://127.9.9.9/", {"HTTP_PROXY": "http://p"}, Proxy()),
        ("http://[::1]/", {"HTTP_PROXY": "http://p"}, Proxy()),
    ],
)
def test_environment_is_read_as_other_tools_read_it(url, environ, expected):
    assert choose_proxy(url, None, environ) == expected


@pytest.mark.parametrize("proxy", ["ftp://p", "http://", "http://p\r\nX: y", "http://a b"])
def test_proxy_that_is_no_proxy_is_refused(proxy):
    with pytest.raises(ConfigError, match="^proxy: "):
        choose_proxy("http://h/", proxy, {})
