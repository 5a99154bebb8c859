from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from rocketship.errors import ConfigError, ConnectionFailed
from rocketship.plugins.http.client import Proxy
from rocketship.plugins.http.connection import choose_proxy
from tests.fixtures.http_server import Got, HttpServer, answer
from tests.plugins.http.steps import check, make_call, run, with_plugin

OK = {"*": answer("ok")}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def mutual_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    # In TLS 1.3 a client learns only while reading that its certificate is not wanted.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.fixture(scope="module")
def files(authority: trustme.CA) -> dict[str, bytes]:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    client = authority.issue_cert("client@example.org")
    key = client.private_key_pem.bytes()
    locked = load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")
    )
    return {
        "ca.pem": authority.cert_pem.bytes(),
        "cert.pem": client.cert_chain_pems[0].bytes(),
        "key.pem": key,
        "both.pem": client.private_key_and_cert_chain_pem.bytes(),
        "locked.pem": locked,
        "junk.pem": b"junk",
    }


def test_server_that_is_trusted_is_reached_and_timed(server_tls, files):
    with HttpServer(OK, server_tls) as server:
        outcome = run({"url": server.url(), "ca": "ca.pem"}, files=files)
    assert outcome.subject.text == "ok"
    assert list(outcome.timings) == ["dns", "connect", "tls", "first_byte", "download", "total"]
    assert outcome.timings["tls"] > 0


def test_server_that_is_not_trusted_is_refused_with_a_remedy(server_tls):
    with HttpServer(OK, server_tls) as server:
        failure = run({"url": server.url()}).failure
        assert server.got == []
    assert isinstance(failure, ConnectionFailed)
    assert f"127.0.0.1:{server.port} has a certificate that is not trusted" in failure.message
    assert "verify: false" in str(failure.hint)


def test_server_with_another_name_is_refused(authority, files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    with HttpServer(OK, context) as server:
        failure = run({"url": server.url(), "ca": "ca.pem"}, files=files).failure
    assert isinstance(failure, ConnectionFailed)
    assert "not trusted" in failure.message


def test_verification_can_be_left_out(server_tls):
    with HttpServer(OK, server_tls) as server:
        assert run({"url": server.url(), "verify": False}).subject.text == "ok"


def test_unverified_connection_is_not_reused_by_a_step_that_verifies(server_tls):
    async def scenario(plugin):
        careless = await plugin.run(make_call({"url": server.url(), "verify": False}))
        careful = await plugin.run(make_call({"url": server.url()}))
        return careless.failure, careful.failure

    with HttpServer(OK, server_tls) as server:
        careless, careful = with_plugin(scenario)
    assert careless is None
    assert isinstance(careful, ConnectionFailed)


@pytest.mark.parametrize(
    "config",
    [
        {"cert": "cert.pem", "key": "key.pem"},
        {"cert": "both.pem"},
        {"cert": "cert.pem", "key": "locked.pem", "key_password": "open sesame"},
    ],
)
def test_client_certificate_is_shown_to_the_server(mutual_tls, files, config):
    with HttpServer(OK, mutual_tls) as server:
        outcome = run({"url": server.url(), "ca": "ca.pem", **config}, files=files)
    assert outcome.failure is None


def test_connection_with_a_certificate_is_not_reused_without_it(mutual_tls, files):
    async def scenario(plugin):
        config = {"url": server.url(), "ca": "ca.pem"}
        known = await plugin.run(make_call({**config, "cert": "both.pem"}, files=files))
        unknown = await plugin.run(make_call(config, files=files))
        return known.failure, unknown.failure

    with HttpServer(OK, mutual_tls) as server:
        known, unknown = with_plugin(scenario)
    assert known is None
    assert isinstance(unknown, ConnectionFailed)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"cert": "junk.pem"}, '"cert" or "key"'),
        ({"cert": "cert.pem", "key": "junk.pem"}, '"key" cannot be used'),
        ({"cert": "cert.pem", "key": "locked.pem"}, '"key" cannot be used'),
        ({"cert": "cert.pem", "key": "locked.pem", "key_password": "wrong"}, '"key" cannot'),
        ({"ca": "junk.pem"}, '"ca"'),
        ({"key": "key.pem"}, '"cert"'),
    ],
)
def test_unusable_files_are_config_errors(server_tls, files, config, words):
    with HttpServer(OK, server_tls) as server, pytest.raises(ConfigError, match=words):
        run({"url": server.url(), "ca": "ca.pem", **config}, files=files)


def test_https_on_a_plain_port_says_so():
    with HttpServer(OK) as server:
        failure = run({"url": server.url().replace("http:", "https:")}).failure
    assert isinstance(failure, ConnectionFailed)
    assert "TLS" in failure.message
    assert "https" in str(failure.hint)


def test_certificate_can_be_checked_also_after_the_connection_was_used(server_tls, files):
    async def scenario(plugin):
        config = {"url": server.url(), "ca": "ca.pem"}
        await plugin.run(make_call(config, files=files))
        asked = frozenset({"certificate"})
        return await plugin.run(make_call(config, files=files, asserted=asked))

    with HttpServer(OK, server_tls) as server:
        outcome = with_plugin(scenario)
    assert check(outcome, "certificate", "127.0.0.1", "contains", field="san").passed
    assert check(outcome, "certificate", 1, "greater", field="days_left").passed
    assert check(outcome, "certificate", "trustme", "contains", field="issuer").passed
    assert check(outcome, "certificate", r"^\d{4}-\d\d-\d\dT", "matches", field="expires").passed
    assert outcome.response["certificate"]["subject"]


def test_certificate_of_a_plain_connection_is_absent():
    with HttpServer(OK) as server:
        outcome = run({"url": server.url()}, asserted=frozenset({"certificate"}))
    result = check(outcome, "certificate", "x", field="subject")
    assert not result.passed
    assert "not encrypted" in result.message


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


@pytest.fixture(scope="module")
def http2(authority: trustme.CA, tmp_path_factory) -> Iterator[tuple[str, str]]:
    """The URLs (plain, TLS) of a server that speaks HTTP/1.1 and HTTP/2."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    folder: Path = tmp_path_factory.mktemp("http2")
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    leaf.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    plain, secure = socket.socket(), socket.socket()
    for listener in (plain, secure):
        listener.bind(("127.0.0.1", 0))
        listener.listen()
    config = Config()
    urls = (
        f"http://127.0.0.1:{plain.getsockname()[1]}/",
        f"https://127.0.0.1:{secure.getsockname()[1]}/",
    )
    config.certfile, config.keyfile = str(folder / "cert.pem"), str(folder / "key.pem")
    # The server takes the descriptors over and closes them.
    config.insecure_bind, config.bind = [f"fd://{plain.detach()}"], [f"fd://{secure.detach()}"]
    config.errorlog = None
    ready, stop = threading.Event(), threading.Event()

    async def app(scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
                ready.set()
            await send({"type": "lifespan.shutdown.complete"})
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["http_version"].encode()})

    async def main() -> None:
        await serve(app, config, shutdown_trigger=lambda: asyncio.to_thread(stop.wait))

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield urls
    stop.set()
    thread.join(20)


@pytest.mark.parametrize(
    ("secure", "version", "spoken"),
    [
        (True, None, "2"),
        (True, "2", "2"),
        (True, "1.1", "1.1"),
        (False, None, "1.1"),
        (False, "2", "2"),
        (False, 2, "2"),
    ],
)
def test_http_version_is_negotiated_or_forced(http2, files, secure, version, spoken):
    config = {"url": http2[secure], "ca": "ca.pem", "http_version": version, "method": "POST"}
    outcome = run({**config, "body": "x"}, files=files)
    assert outcome.failure is None
    assert (outcome.subject.reply.http_version, outcome.subject.text) == (spoken, spoken)
    assert outcome.response["http_version"] == spoken


@pytest.mark.parametrize("order", [("2", "1.1", "2"), ("1.1", "2", "1.1")])
def test_http_version_holds_also_when_another_connection_is_open(http2, files, order):
    async def scenario(plugin):
        spoken = []
        for version in order:
            config = {"url": http2[1], "ca": "ca.pem", "http_version": version}
            outcome = await plugin.run(make_call(config, files=files))
            assert outcome.failure is None, outcome.failure
            spoken.append(outcome.subject.reply.http_version)
        return tuple(spoken)

    assert with_plugin(scenario) == order


def test_http2_streams_share_connections(http2, files):
    async def scenario(plugin):
        call = make_call({"url": http2[1], "ca": "ca.pem"}, files=files)
        await plugin.run(call)
        outcomes = await asyncio.gather(*(plugin.run(call) for _ in range(20)))
        return {(o.response["reused"], o.subject.reply.http_version) for o in outcomes}

    assert with_plugin(scenario) == {(True, "2")}


def test_http_version_the_server_does_not_speak_fails_the_step(server_tls, files):
    with HttpServer(OK, server_tls) as server:
        config = {"url": server.url(), "ca": "ca.pem", "http_version": "2"}
        failure = run(config, files=files).failure
    assert isinstance(failure, ConnectionFailed)
    assert "answered in HTTP/1.1, not in HTTP/2" in failure.message
