"""Every way a connection can go wrong, live: what people read, and that nobody waits for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from rocketship.client.address import Address
from rocketship.client.channel import Endpoint, open_channel
from rocketship.client.diagnose import explain
from rocketship.client.proxy import Proxy
from rocketship.client.remote import open_remote
from rocketship.client.tls import TlsOptions
from rocketship.errors import (
    Infrastructure,
    Overloaded,
    Refused,
    RocketshipError,
    Unauthenticated,
    Unreachable,
    UsageError,
)
from rocketship.run.spec import RunSpec
from rocketship.store.base import RunFilter
from rocketship.wire.quiet import grpc
from tests.client import stand_ins
from tests.client.stand_ins import HOST, StandIn

#: Long enough to connect on a loaded machine, unless nobody answers.
CONNECT_SECONDS = 2.0
#: Rows in which the time to connect is waited for in full.
SHORT_SECONDS = 0.2

SPEC = RunSpec(file="s.yaml", source=b"name: x\ntests: []\n")


def endpoint(port: int, *, tls: TlsOptions | None = None, **changes: Any) -> Endpoint:
    """Return an endpoint on this machine, with TLS when there are options for it."""
    address = Address(changes.pop("host", HOST), port, tls is not None)
    values = {"tls": tls or TlsOptions(), "connect_timeout_seconds": CONNECT_SECONDS}
    return Endpoint(**{"address": address, **values, **changes})


async def use(target: Endpoint, **options: Any) -> list[str]:
    """Connect and list runs; return what was warned of."""
    warnings: list[str] = []
    notes: list[str] = []
    async with open_remote(
        target, note=notes.append, warn=warnings.append, **{"retry_seconds": 0, **options}
    ) as client:
        await client.list_runs(RunFilter())
    return warnings


async def failure(target: Endpoint, **options: Any) -> RocketshipError:
    """Return how connecting fails, in no more than the time to connect and a little."""
    began = time.monotonic()
    with pytest.raises(RocketshipError) as caught:
        await use(target, **options)
    assert time.monotonic() - began < target.connect_timeout_seconds + 1
    return caught.value


def check(error: RocketshipError, kind: type[RocketshipError], message: str, hint: str) -> None:
    assert isinstance(error, kind), repr(error)
    assert message in error.message
    assert hint in (error.hint or "")
    # gRPC's own words are for --debug.
    for word in ("StatusCode", "UNAVAILABLE", "ipv4:", "last error", "TSI_"):
        assert word not in f"{error.message} {error.hint}"


def meets(
    server: Callable[[], AbstractAsyncContextManager[int]], **changes: Any
) -> RocketshipError:
    """Return how connecting to a server fails."""

    async def main() -> RocketshipError:
        async with server() as port:
            return await failure(endpoint(port, **changes))

    return asyncio.run(main())


# Nobody there


def test_nothing_listens_on_this_machine() -> None:
    with stand_ins.closed_port() as port:
        error = asyncio.run(failure(endpoint(port)))

    check(error, Unreachable, f"grpc://{HOST}:{port}", "rocketship start server")
    assert "nothing listens there" in error.message
    assert isinstance(error.__cause__, grpc.RpcError)


def test_message_names_profile_and_proxy() -> None:
    with stand_ins.closed_port() as port:
        proxy = Proxy("HTTPS_PROXY", HOST, port, "me:secret")
        target = endpoint(443, host="engine.test", proxy=proxy, tls=TlsOptions(), profile="staging")
        error = asyncio.run(failure(target))

    check(error, Unreachable, "nothing listens at the proxy's address", "check HTTPS_PROXY")
    assert (
        f'grpcs://engine.test:443 (profile "staging", through the proxy http://{HOST}:{port} '
        "from HTTPS_PROXY)" in error.message
    )
    assert "engine.test into NO_PROXY" in (error.hint or "")
    assert "secret" not in f"{error.message} {error.hint}"


def test_host_name_is_unknown() -> None:
    error = asyncio.run(failure(endpoint(7700, host="nosuch.invalid")))

    check(error, Unreachable, 'the host name "nosuch.invalid" is unknown', "check its spelling")


def test_proxy_name_is_unknown() -> None:
    proxy = Proxy("https_proxy", "nosuch.invalid", 3128)
    error = asyncio.run(failure(endpoint(7700, host="engine.test", proxy=proxy)))

    check(error, Unreachable, 'the name of the proxy, "nosuch.invalid"', "check https_proxy")


@pytest.mark.parametrize("tls", [None, TlsOptions()])
def test_server_accepts_and_says_nothing(tls: TlsOptions | None) -> None:
    error = meets(
        lambda: stand_ins.tcp(stand_ins.say_nothing),
        tls=tls,
        connect_timeout_seconds=SHORT_SECONDS,
    )

    check(error, Unreachable, "no answer to the attempt to connect within 200ms", "firewall")
    assert "--connect-timeout" in (error.hint or "")


def test_proxy_accepts_and_says_nothing() -> None:
    async def main() -> RocketshipError:
        async with stand_ins.tcp(stand_ins.say_nothing) as port:
            return await failure(
                endpoint(
                    443,
                    host="engine.test",
                    proxy=Proxy("HTTPS_PROXY", HOST, port),
                    connect_timeout_seconds=SHORT_SECONDS,
                )
            )

    check(asyncio.run(main()), Unreachable, "no answer", "check HTTPS_PROXY")


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        ("407 Proxy Authentication Required", "valid user name and password", "USER:PASSWORD@"),
        ("403 Forbidden", "opens no tunnel to engine.test:7700 (HTTP 403)", "into NO_PROXY"),
        ("502 Bad Gateway", "opens no tunnel to engine.test:7700 (HTTP 502)", "into NO_PROXY"),
    ],
)
def test_proxy_refuses(answer: str, message: str, hint: str) -> None:
    async def main() -> RocketshipError:
        async with stand_ins.tcp(stand_ins.proxy(answer)) as port:
            proxy = Proxy("HTTPS_PROXY", HOST, port)
            return await failure(endpoint(7700, host="engine.test", proxy=proxy))

    check(asyncio.run(main()), Refused, message, hint)


# TLS


def test_server_without_tls_is_asked_for_tls() -> None:
    error = meets(stand_ins.engine, tls=TlsOptions())

    check(error, Unreachable, "does not speak TLS", f"try grpc://{HOST}:")


def test_server_with_tls_is_asked_without(authority: trustme.CA) -> None:
    certificate = stand_ins.certificate(authority)
    error = meets(lambda: stand_ins.engine(certificate=certificate))

    check(error, Unreachable, "it probably expects TLS", f"try grpcs://{HOST}:")


def test_authority_is_unknown(authority: trustme.CA) -> None:
    certificate = stand_ins.certificate(authority)
    error = meets(lambda: stand_ins.engine(certificate=certificate), tls=TlsOptions())

    check(error, Unreachable, "from an authority unknown here", "--ca-cert FILE")


def test_certificate_has_expired(authority: trustme.CA, ca_file: Path) -> None:
    certificate = stand_ins.certificate(authority, days=-1)
    tls = TlsOptions(ca_cert=ca_file)
    error = meets(lambda: stand_ins.engine(certificate=certificate), tls=tls)

    check(error, Unreachable, "certificate has expired", "this machine's clock")


def test_certificate_is_not_valid_yet(authority: trustme.CA, ca_file: Path) -> None:
    certificate = stand_ins.certificate(authority, since=1, days=2)
    tls = TlsOptions(ca_cert=ca_file)
    error = meets(lambda: stand_ins.engine(certificate=certificate), tls=tls)

    check(error, Unreachable, "certificate is not valid yet", "this machine's clock")


def test_certificate_is_for_another_name(authority: trustme.CA, ca_file: Path) -> None:
    certificate = stand_ins.certificate(authority, "other.example")
    tls = TlsOptions(ca_cert=ca_file)
    error = meets(lambda: stand_ins.engine(certificate=certificate), tls=tls)

    check(error, Unreachable, f'not for the name "{HOST}"', "--tls-server-name")


def test_client_certificate_is_missing(authority: trustme.CA, ca_file: Path) -> None:
    certificate = stand_ins.certificate(authority)
    error = meets(
        lambda: stand_ins.engine(certificate=certificate, client_ca=authority),
        tls=TlsOptions(ca_cert=ca_file),
    )

    check(error, Refused, "it may want a client certificate", "--client-cert and --client-key")


def test_client_certificate_is_not_accepted(
    authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    stranger = trustme.CA().issue_cert("me@example.com")
    stranger.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "me.pem"))
    certificate = stand_ins.certificate(authority)
    error = meets(
        lambda: stand_ins.engine(certificate=certificate, client_ca=authority),
        tls=TlsOptions(ca_cert=ca_file, client_cert=tmp_path / "me.pem"),
    )

    check(error, Refused, "does not accept our client certificate", "from an authority")


@pytest.mark.parametrize("protocols", [(), ("http/1.1",)])
def test_tls_server_offers_no_http2(
    authority: trustme.CA, ca_file: Path, protocols: tuple[str, ...]
) -> None:
    context = stand_ins.server_context(stand_ins.certificate(authority), *protocols)
    error = meets(
        lambda: stand_ins.tcp(stand_ins.say_nothing, context), tls=TlsOptions(ca_cert=ca_file)
    )

    check(error, Unreachable, "does not offer HTTP/2", "target group of type gRPC")


def test_tls_versions_differ(authority: trustme.CA, ca_file: Path) -> None:
    import ssl

    context = stand_ins.server_context(stand_ins.certificate(authority), "h2")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES256-SHA256")
    error = meets(
        lambda: stand_ins.tcp(stand_ins.say_nothing, context), tls=TlsOptions(ca_cert=ca_file)
    )

    check(error, Unreachable, "hung up during the TLS handshake", "rocketship doctor")


# Something else is there


async def speak_http1(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


def test_port_speaks_http1() -> None:
    error = meets(lambda: stand_ins.tcp(speak_http1))

    check(error, Unreachable, "speaks HTTP, but not gRPC", "gRPC is on port 7700")


@pytest.mark.parametrize(
    "greeting", [b"SSH-2.0-OpenSSH_9.6\r\n", bytes(range(128, 256)), bytes(50)]
)
def test_port_speaks_neither_http_nor_grpc(greeting: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        await reader.read()

    error = meets(lambda: stand_ins.tcp(greet))

    check(error, Unreachable, "speaks neither gRPC nor HTTP", "gRPC is on port 7700")


@pytest.mark.parametrize(
    ("status", "kind", "message", "hint"),
    [
        (302, Unreachable, "behind a browser login or another redirect (HTTP 302)", "host name"),
        (307, Unreachable, "behind a browser login or another redirect (HTTP 307)", "host name"),
        (400, Unreachable, "knows nothing of gRPC (HTTP 400)", "check host and port"),
        (401, Refused, "wants a login of its own (HTTP 401)", "not the engine's answer"),
        (403, Refused, "refuses access (HTTP 403)", "not the engine's answer"),
        (404, Unreachable, "knows nothing of gRPC (HTTP 404)", "check host and port"),
        (405, Unreachable, "knows nothing of gRPC (HTTP 405)", "check host and port"),
        (413, Overloaded, "no request as large as this (HTTP 413)", "client_max_body_size"),
        (415, Unreachable, "knows nothing of gRPC (HTTP 415)", "check host and port"),
        (429, Overloaded, "no more requests for now (HTTP 429)", "try again later"),
        (464, Unreachable, "speak different protocols (HTTP 464)", "target group"),
        (500, Unreachable, "knows nothing of gRPC (HTTP 500)", "check host and port"),
        (502, Unreachable, "cannot reach it (HTTP 502)", "is the engine up"),
        (503, Unreachable, "cannot reach it (HTTP 503)", "is the engine up"),
        (504, Unreachable, "cannot reach it (HTTP 504)", "is the engine up"),
    ],
)
def test_web_server_answers(
    status: int, kind: type[RocketshipError], message: str, hint: str
) -> None:
    error = meets(lambda: stand_ins.web(status, [("location", "https://login.example")]))

    check(error, kind, message, hint)


def test_web_server_answers_with_a_page() -> None:
    error = meets(lambda: stand_ins.web(200))

    check(error, Unreachable, "speaks HTTP, but not gRPC", "gRPC is on port 7700")


def test_web_port_is_known_by_its_number() -> None:
    """7701 is usual, so it means something even when a server of another kind answers there."""
    text = "Received http2 header with status: 404"
    for words in (text, "Failed parsing HTTP/2"):
        error = explain(
            grpc.aio.AioRpcError(
                grpc.StatusCode.UNKNOWN, grpc.aio.Metadata(), grpc.aio.Metadata(), words
            ),
            endpoint(7701),
        )
        check(error, Unreachable, "this is the port of its web pages", "gRPC is on port 7700")


# Engines that cannot do what is asked


class Odd(StandIn):
    """An engine whose list of runs goes wrong."""

    def __init__(self, list_runs: Callable[[Any], Any]) -> None:
        self._list_runs = list_runs

    async def ListRuns(self, request: Any, context: Any) -> Any:
        return await self._list_runs(context)


async def hang(context: Any) -> Any:
    await asyncio.Event().wait()


async def explode(context: Any) -> Any:
    raise RuntimeError("boom")


def refuse(code: grpc.StatusCode, text: str) -> Callable[[Any], Any]:
    async def abort(context: Any) -> Any:
        await context.abort(code, text)

    return abort


def test_engine_does_not_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rocketship.client.remote.CALL_SECONDS", SHORT_SECONDS)
    error = meets(lambda: stand_ins.engine(Odd(hang)))

    check(error, Unreachable, "no answer within 200ms", "overloaded")


@pytest.mark.parametrize(
    ("list_runs", "kind", "message", "hint"),
    [
        (explode, Infrastructure, "failed: nobody foresaw how", "its log"),
        (
            refuse(grpc.StatusCode.UNIMPLEMENTED, "unknown method ListRuns"),
            Unreachable,
            "it does not know this call",
            "older than this client",
        ),
        (
            refuse(grpc.StatusCode.UNAUTHENTICATED, "token needed"),
            Unauthenticated,
            "it does not know who is calling: token needed",
            "set ROCKETSHIP_TOKEN",
        ),
        (
            refuse(grpc.StatusCode.PERMISSION_DENIED, "pending"),
            Refused,
            "this is not permitted: pending",
            "ask for the permission",
        ),
        (
            refuse(grpc.StatusCode.UNAVAILABLE, "database away"),
            Unreachable,
            "it is not available: database away",
            "try again",
        ),
        (
            refuse(grpc.StatusCode.UNKNOWN, "database: Connection refused"),
            Infrastructure,
            "failed: database: Connection refused",
            "--debug",
        ),
        (
            refuse(grpc.StatusCode.INTERNAL, "a\x1b[31m\nb"),
            Infrastructure,
            "failed: a",
            "--debug",
        ),
        (
            refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, "x" * 5000),
            Infrastructure,
            "failed: xxx",
            "--debug",
        ),
    ],
)
def test_engine_of_another_kind_refuses(
    list_runs: Callable[[Any], Any], kind: type[RocketshipError], message: str, hint: str
) -> None:
    error = meets(lambda: stand_ins.engine(Odd(list_runs)))

    check(error, kind, message, hint)
    assert "\x1b" not in error.message
    assert len(error.message) < 500


def test_engine_stops_in_the_middle_of_a_call() -> None:
    async def main() -> RocketshipError:
        called = asyncio.Event()

        async def list_runs(context: Any) -> Any:
            called.set()
            await asyncio.Event().wait()

        server = stand_ins.engine(Odd(list_runs))
        port = await server.__aenter__()
        failing = asyncio.ensure_future(failure(endpoint(port)))
        await called.wait()
        await server.__aexit__(None, None, None)
        return await failing

    check(asyncio.run(main()), Unreachable, "the connection was lost", "try again in a moment")


def test_request_is_too_large_for_the_engine() -> None:
    async def main() -> RocketshipError:
        options = [("grpc.max_receive_message_length", 2**20)]
        async with (
            stand_ins.engine(options=options) as port,
            open_remote(endpoint(port), note=print, warn=print) as client,
        ):
            with pytest.raises(RocketshipError) as caught:
                await client.create_run(replace(SPEC, files={"big": b"x" * 3 * 2**20}), {})
            return caught.value

    error = asyncio.run(main())
    check(error, Overloaded, "too large for it (3.0 MiB, it takes 1.0 MiB)", "large files")


def test_request_is_too_large_for_any_engine() -> None:
    async def main() -> RocketshipError:
        async with (
            stand_ins.engine() as port,
            open_remote(endpoint(port), note=print, warn=print) as client,
        ):
            with pytest.raises(RocketshipError) as caught:
                await client.create_run(replace(SPEC, files={"big": b"x" * 17 * 2**20}), {})
            return caught.value

    error = asyncio.run(main())
    check(error, Overloaded, "too large for it (17.0 MiB, it takes 16.0 MiB)", "large files")


def test_token_is_too_large() -> None:
    async def main() -> RocketshipError:
        async with stand_ins.engine() as port:
            target = endpoint(port)
            async with await open_channel(target, print) as channel:
                token = (("authorization", "x" * 20_000),)
                call: Any = channel.unary_unary("/rocketship.v1.Engine/ListRuns")
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call(b"", metadata=token)
                return explain(caught.value, target, connected=True)

    check(asyncio.run(main()), Refused, "the token is too large", "the right one")


def test_answer_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    from rocketship.wire._generated import engine_pb2 as pb

    async def many(context: Any) -> Any:
        return pb.ListRunsResponse(next_cursor="x" * 2**21)

    monkeypatch.setattr("rocketship.client.channel.MAX_REPLY_BYTES", 2**20)
    error = meets(lambda: stand_ins.engine(Odd(many)))

    check(error, Overloaded, "its answer is too large (2.0 MiB, at most 1.0 MiB", "ask for less")


@pytest.mark.slow
def test_keepalive_is_too_eager_for_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rocketship.client.channel.KEEPALIVE_SECONDS", 0.01)
    options = [
        ("grpc.http2.max_ping_strikes", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 300_000),
    ]
    server = lambda: stand_ins.engine(Odd(hang), options=options)  # noqa: E731
    error = meets(server, connect_timeout_seconds=10)

    check(error, Unreachable, "does not permit keepalive pings", "every 30 seconds")


# TLS options


def test_tls_options_need_an_address_with_tls(ca_file: Path) -> None:
    target = replace(endpoint(7700), tls=TlsOptions(ca_cert=ca_file))

    check(asyncio.run(failure(target)), UsageError, "without TLS", f"write grpcs://{HOST}:7700")
