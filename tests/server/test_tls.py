from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from rocketship.errors import SettingsError
from rocketship.server.tls import Certificates
from rocketship.settings.server import TlsSettings
from rocketship.wire._generated import engine_pb2 as pb
from tests.fixtures.engine import RunningEngine, engine_stub, running_engine


class Authority:
    """A certificate authority, and the files it writes for the server."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self._folder = folder

    @property
    def pem(self) -> bytes:
        return self.ca.cert_pem.bytes()

    def settings(self, *, mutual: bool = False) -> TlsSettings:
        files = [self._folder / name for name in ("tls.crt", "tls.key", "ca.crt")]
        self.issue(*files[:2])
        files[2].write_bytes(self.pem)
        return TlsSettings(files[0], files[1], files[2] if mutual else None)

    def issue(self, certificate: Path, key: Path, **validity: Any) -> None:
        issued = self.ca.issue_cert("localhost", "127.0.0.1", **validity)
        key.write_bytes(issued.private_key_pem.bytes())
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))

    def client(self) -> dict[str, bytes]:
        issued = self.ca.issue_cert("somebody@example.org")
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        return {"private_key": issued.private_key_pem.bytes(), "certificate_chain": chain}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def ask(engine: RunningEngine, ca: bytes, **client: bytes) -> str:
    """Return what a gRPC client with these certificates gets."""
    credentials = grpc.ssl_channel_credentials(ca, **client)
    async with engine_stub(engine, credentials) as stub:
        reply = await stub.Health(pb.HealthRequest(), timeout=10)
        return str(reply.status)


def handshake(engine: RunningEngine, ca: bytes, client: Path | None = None) -> tuple[str, int]:
    """Return the protocol and serial number an HTTP client gets, after one request."""
    context = ssl.create_default_context(cadata=ca.decode())
    context.set_alpn_protocols(["http/1.1"])
    if client:
        context.load_cert_chain(client)
    address = (engine.listening.http.host, engine.listening.http.port)
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        secured.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        if secured.recv(12) != b"HTTP/1.1 200":
            raise ConnectionError("the server hung up")
        certificate: Any = secured.getpeercert()
        return str(secured.selected_alpn_protocol()), int(certificate["serialNumber"], 16)


def with_engine(
    folder: Path, tls: TlsSettings, body: Callable[[RunningEngine], Awaitable[None]]
) -> None:
    async def main() -> None:
        async with running_engine(folder, tls=tls) as engine:
            await body(engine)

    asyncio.run(main())


def test_both_listeners_speak_tls(tmp_path: Path, authority: Authority) -> None:
    async def body(engine: RunningEngine) -> None:
        assert engine.listening.tls
        assert await ask(engine, authority.pem) == "ok"
        assert (await asyncio.to_thread(handshake, engine, authority.pem))[0] == "http/1.1"

    with_engine(tmp_path, authority.settings(), body)


def test_both_listeners_want_a_client_certificate_of_the_right_authority(
    tmp_path: Path, authority: Authority
) -> None:
    pair, stranger = tmp_path / "client.pem", tmp_path / "stranger.pem"
    mine, other = authority.client(), Authority(tmp_path).client()
    pair.write_bytes(mine["private_key"] + mine["certificate_chain"])
    stranger.write_bytes(other["private_key"] + other["certificate_chain"])

    async def body(engine: RunningEngine) -> None:
        assert await ask(engine, authority.pem, **mine) == "ok"
        await asyncio.to_thread(handshake, engine, authority.pem, pair)
        no_certificate: dict[str, bytes] = {}
        for certificates in (no_certificate, other):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await ask(engine, authority.pem, **certificates)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        for path in (None, stranger):
            with pytest.raises(OSError):  # noqa: PT011  # which one depends on who is faster
                await asyncio.to_thread(handshake, engine, authority.pem, path)

    with_engine(tmp_path, authority.settings(mutual=True), body)


def test_renewed_certificate_is_used_under_load_without_a_failed_request(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rocketship.server.tls.CHECK_SECONDS", 0.02)
    settings = authority.settings()

    async def body(engine: RunningEngine) -> None:
        stop = asyncio.Event()
        count = 0

        async def load() -> None:
            nonlocal count
            while not stop.is_set():
                # Every time on a new connection, so that every time there is a handshake.
                assert await ask(engine, authority.pem) == "ok"
                await asyncio.to_thread(handshake, engine, authority.pem)
                count += 1

        loads = [asyncio.ensure_future(load()) for _ in range(3)]
        serials = {(await asyncio.to_thread(handshake, engine, authority.pem))[1]}
        for round_ in range(2, 4):
            authority.issue(settings.certificate, settings.key)
            while len(serials) < round_:
                serials.add((await asyncio.to_thread(handshake, engine, authority.pem))[1])
        stop.set()
        await asyncio.gather(*loads)
        assert count

    with_engine(tmp_path, settings, body)


def test_grpc_uses_the_renewed_certificate_too(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rocketship.server.tls.CHECK_SECONDS", 0.02)
    settings = authority.settings()
    next_authority = Authority(tmp_path)

    async def body(engine: RunningEngine) -> None:
        assert await ask(engine, authority.pem) == "ok"
        next_authority.issue(settings.certificate, settings.key)
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    assert await ask(engine, next_authority.pem) == "ok"
                    break
        with pytest.raises(grpc.aio.AioRpcError):
            await ask(engine, authority.pem)

    with_engine(tmp_path, settings, body)


def test_half_renewed_files_change_nothing_until_both_are_there(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    settings = authority.settings()
    certificates = Certificates(settings)
    before = certificates._loaded
    new_certificate, new_key = tmp_path / "new.crt", tmp_path / "new.key"
    authority.issue(new_certificate, new_key)

    new_certificate.replace(settings.certificate)
    with caplog.at_level(logging.WARNING):
        certificates.refresh()
        certificates.refresh()
    assert certificates._loaded is before
    assert [record.getMessage() for record in caplog.records] == ["tls_not_renewed"]

    new_key.replace(settings.key)
    certificates.refresh()
    assert certificates._loaded is not before


def test_removed_client_authority_is_trusted_no_more(tmp_path: Path, authority: Authority) -> None:
    settings = authority.settings(mutual=True)
    mine = authority.client()
    pair = tmp_path / "client.pem"
    pair.write_bytes(mine["private_key"] + mine["certificate_chain"])
    assert settings.client_ca is not None
    client_ca = settings.client_ca

    async def body(engine: RunningEngine) -> None:
        await asyncio.to_thread(handshake, engine, authority.pem, pair)
        client_ca.write_bytes(Authority(tmp_path).pem)
        async with asyncio.timeout(10):
            with pytest.raises(OSError):  # noqa: PT011, PT012  # until the files are looked at
                while True:
                    await asyncio.to_thread(handshake, engine, authority.pem, pair)
        with pytest.raises(grpc.aio.AioRpcError):
            await ask(engine, authority.pem, **mine)

    with_engine(tmp_path, settings, body)


def resume(
    engine: RunningEngine, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> ssl.SSLSession | None:
    """Make a request, with the session of an earlier one, and return that of this one."""
    address = (engine.listening.http.host, engine.listening.http.port)
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as secured,
    ):
        secured.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        if secured.recv(12) != b"HTTP/1.1 200":
            raise ConnectionError("the server hung up")
        # A session counts for the server only if its connection ends in order.
        while secured.recv(1024):
            pass
        found = secured.session
        secured.unwrap()
        return found


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("tickets", [True, False])
def test_session_does_not_outlive_the_client_authority(
    tmp_path: Path, authority: Authority, version: ssl.TLSVersion, *, tickets: bool
) -> None:
    settings = authority.settings(mutual=True)
    mine = authority.client()
    pair = tmp_path / "client.pem"
    pair.write_bytes(mine["private_key"] + mine["certificate_chain"])
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.load_cert_chain(pair)
    context.maximum_version = version
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    assert settings.client_ca is not None
    client_ca = settings.client_ca

    async def body(engine: RunningEngine) -> None:
        session = await asyncio.to_thread(resume, engine, context, None)
        client_ca.write_bytes(Authority(tmp_path).pem)
        async with asyncio.timeout(10):
            with pytest.raises(OSError):  # noqa: PT011, PT012  # until the files are looked at
                while True:
                    await asyncio.to_thread(handshake, engine, authority.pem, pair)
        with pytest.raises(OSError):  # noqa: PT011  # which one depends on who is faster
            await asyncio.to_thread(resume, engine, context, session)

    with_engine(tmp_path, settings, body)


def test_expired_certificate_is_a_warning(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    settings = authority.settings()
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    authority.issue(
        settings.certificate,
        settings.key,
        not_before=yesterday - datetime.timedelta(days=9),
        not_after=yesterday,
    )

    with caplog.at_level(logging.WARNING):
        Certificates(settings)

    assert getattr(caplog.records[0], "expired", None) is True


def test_unusable_files_are_named_with_what_is_wrong(tmp_path: Path, authority: Authority) -> None:
    settings = authority.settings(mutual=True)
    other = tmp_path / "other.key"
    authority.issue(tmp_path / "other.crt", other)
    garbage = tmp_path / "garbage"
    garbage.write_text("garbage")
    cases = [
        (TlsSettings(tmp_path / "no", settings.key), "no: there is no such file"),
        (TlsSettings(settings.certificate, tmp_path / "no"), "no: there is no such file"),
        (TlsSettings(settings.certificate, other), "is not the key of"),
        (TlsSettings(garbage, settings.key), "garbage"),
        (TlsSettings(settings.certificate, garbage), "garbage"),
        (TlsSettings(settings.certificate, settings.key, garbage), "garbage cannot be used"),
        (TlsSettings(settings.certificate, settings.key, tmp_path / "no"), "no"),
    ]

    for files, message in cases:
        with pytest.raises(SettingsError, match=message):
            Certificates(files)


def test_key_with_a_password_is_refused_instead_of_asked_about(
    tmp_path: Path, authority: Authority
) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    settings = authority.settings()
    key = load_pem_private_key(settings.key.read_bytes(), None)
    locked = BestAvailableEncryption(b"secret")
    settings.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))

    with pytest.raises(SettingsError) as caught:
        Certificates(settings)
    assert "no password" in str(caught.value.hint)
