"""What a client trusts and shows during a TLS handshake, against real servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from ssl import PEM_cert_to_DER_cert
from typing import Any

import pytest
import trustme

from rocketship.client.address import Address
from rocketship.client.channel import Endpoint
from rocketship.client.proxy import Proxy
from rocketship.client.remote import open_remote
from rocketship.client.tls import TlsOptions, load
from rocketship.errors import Infrastructure, RocketshipError, UsageError
from rocketship.store.base import RunFilter
from tests.client import stand_ins
from tests.client.stand_ins import HOST

INSECURE = TlsOptions(insecure_skip_verify=True)


async def use(target: Endpoint) -> list[str]:
    """Connect and make a call; return what was warned of."""
    warnings: list[str] = []
    async with open_remote(target, note=print, warn=warnings.append, retry_seconds=0) as client:
        await client.list_runs(RunFilter())
    return warnings


def connect(leaf: trustme.LeafCert, options: TlsOptions, **server: Any) -> list[str]:
    """Return what is warned of when a client uses an engine with a certificate."""

    async def main() -> list[str]:
        async with stand_ins.engine(certificate=leaf, **server) as port:
            return await use(Endpoint(Address(HOST, port, True), options))

    return asyncio.run(main())


def fingerprint(leaf: trustme.LeafCert) -> str:
    der = PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    return sha256(der).digest().hex(":").upper()


def test_own_authority_is_trusted(authority: trustme.CA, ca_file: Path) -> None:
    assert connect(stand_ins.certificate(authority), TlsOptions(ca_cert=ca_file)) == []


@pytest.mark.parametrize("apart", [True, False])
def test_client_certificate_is_shown(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, apart: bool
) -> None:
    me = authority.issue_cert("me@example.com")
    me.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    me.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    key = tmp_path / "key.pem" if apart else None
    options = TlsOptions(ca_cert=ca_file, client_cert=tmp_path / "both.pem", client_key=key)

    assert connect(stand_ins.certificate(authority), options, client_ca=authority) == []


def test_other_name_is_asked_for_and_verified(authority: trustme.CA, ca_file: Path) -> None:
    options = TlsOptions(ca_cert=ca_file, server_name="engine.example")

    assert connect(stand_ins.certificate(authority, "engine.example"), options) == []


@pytest.mark.parametrize(
    "names", [(HOST,), ("other.example",), ("*.example.com",), ("10.9.8.7",)], ids=str
)
def test_skipped_verification_trusts_what_is_presented_and_says_so(names: tuple[str, ...]) -> None:
    leaf = stand_ins.certificate(trustme.CA(), *names)

    (warning,) = connect(leaf, INSECURE)

    assert "is NOT verified (--insecure-skip-verify)" in warning
    assert f"SHA-256 {fingerprint(leaf)}" in warning


def test_skipped_verification_shows_the_client_certificate(
    authority: trustme.CA, tmp_path: Path
) -> None:
    me = authority.issue_cert("me@example.com")
    me.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "me.pem"))
    options = replace(INSECURE, client_cert=tmp_path / "me.pem")

    assert len(connect(stand_ins.certificate(trustme.CA()), options, client_ca=authority)) == 1


def test_skipped_verification_does_not_help_an_expired_certificate() -> None:
    with pytest.raises(Infrastructure, match="certificate has expired"):
        connect(stand_ins.certificate(trustme.CA(), days=-1), INSECURE)


def test_skipped_verification_goes_through_the_proxy(authority: trustme.CA) -> None:
    leaf, seen = stand_ins.certificate(authority), list[bytes]()

    async def main() -> list[str]:
        async with (
            stand_ins.engine(certificate=leaf) as port,
            stand_ins.tcp(stand_ins.proxy(seen=seen)) as proxy_port,
        ):
            proxy = Proxy("HTTPS_PROXY", HOST, proxy_port, "me:p%40ss")
            return await use(Endpoint(Address(HOST, port, True), INSECURE, proxy))

    assert len(asyncio.run(main())) == 1
    assert len(seen) == 2
    for head in seen:
        assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in head


Server = Callable[[], Any]


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (stand_ins.engine, "does not speak TLS"),
        (lambda: stand_ins.tcp(stand_ins.say_nothing), "no answer"),
    ],
)
def test_certificate_cannot_be_fetched(server: Server, message: str) -> None:
    async def main() -> None:
        async with server() as port:
            await use(Endpoint(Address(HOST, port, True), INSECURE, connect_timeout_seconds=0.3))

    with pytest.raises(Infrastructure, match=message):
        asyncio.run(main())


def test_certificate_cannot_be_fetched_from_nobody() -> None:
    with stand_ins.closed_port() as port:
        target = Endpoint(Address(HOST, port, True), INSECURE)
        with pytest.raises(Infrastructure, match="nothing listens there"):
            asyncio.run(use(target))


def test_certificate_cannot_be_fetched_from_an_unknown_name() -> None:
    target = Endpoint(Address("nosuch.invalid", 1, True), INSECURE)
    with pytest.raises(Infrastructure, match=r'the host name "nosuch.invalid" is unknown'):
        asyncio.run(use(target))


def test_certificate_cannot_be_fetched_past_the_proxy() -> None:
    async def main() -> None:
        async with stand_ins.tcp(stand_ins.proxy("407 Who are you")) as port:
            proxy = Proxy("HTTPS_PROXY", HOST, port)
            await use(Endpoint(Address("engine.test", 443, True), INSECURE, proxy))

    with pytest.raises(Infrastructure, match="user name and password"):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ca_cert": "missing.pem"}, "--ca-cert .*missing.pem cannot be read: No such file"),
        ({"ca_cert": "text.pem"}, "--ca-cert .*text.pem holds no certificate"),
        ({"ca_cert": "key.pem"}, "--ca-cert .*key.pem holds no certificate"),
        ({"client_cert": "missing.pem"}, "--client-cert .*missing.pem cannot be read"),
        ({"client_cert": "cert.pem"}, "cannot be used together"),
        ({"client_cert": "cert.pem", "client_key": "other.pem"}, "cannot be used together"),
        ({"client_cert": "cert.pem", "client_key": "locked.pem"}, "cannot be used together"),
        ({"client_key": "key.pem"}, "--client-key needs the certificate"),
        ({"ca_cert": "cert.pem", "insecure_skip_verify": True}, "contradict each other"),
    ],
)
def test_files_that_cannot_be_used_are_refused_before_connecting(
    tmp_path: Path, authority: trustme.CA, options: dict[str, Any], message: str
) -> None:
    from cryptography.hazmat.primitives import serialization as pem

    mine, other = (authority.issue_cert(f"{name}@example.com") for name in ("me", "you"))
    mine.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    mine.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    other.private_key_pem.write_to_path(str(tmp_path / "other.pem"))
    (tmp_path / "text.pem").write_text("hello")
    key = pem.load_pem_private_key(mine.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"secret")
    )
    (tmp_path / "locked.pem").write_bytes(locked)
    paths: Any = {
        name: tmp_path / value if isinstance(value, str) else value
        for name, value in options.items()
    }

    with pytest.raises(UsageError, match=message):
        load(TlsOptions(**paths))


def test_error_is_one_of_ours_whatever_the_file_holds(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n\xff\n")

    with pytest.raises(RocketshipError):
        load(TlsOptions(ca_cert=tmp_path / "x.pem"))
