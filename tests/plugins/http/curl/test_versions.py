from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from rocketship.errors import ConnectionFailed, StepTimeout
from tests.fixtures.http_server import HttpServer, answer
from tests.plugins.http.steps import make_call, run, with_plugin

OK = {"*": answer("ok")}


def version_app(ready: threading.Event):
    """Return an application that answers with the version it was asked in."""

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

    return app


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

    async def main() -> None:
        await serve(
            version_app(ready), config, shutdown_trigger=lambda: asyncio.to_thread(stop.wait)
        )

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


def test_http3_is_not_silently_replaced_by_another_version(server_tls, files):
    with HttpServer(OK, server_tls) as server:
        config = {"url": server.url(), "ca": "ca.pem", "http_version": "3"}
        failure = run({**config, "connect_timeout": "200ms"}, files=files).failure
        assert server.got == []
    assert isinstance(failure, ConnectionFailed | StepTimeout)
    assert f"127.0.0.1:{server.port}" in failure.message
