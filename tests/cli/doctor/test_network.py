"""Checks against servers of every kind, live."""

from __future__ import annotations

import asyncio
import subprocess
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from rocketship.cli.doctor.check import Check, Outcome
from rocketship.cli.doctor.engine import engine_checks
from rocketship.cli.doctor.network import network_checks
from rocketship.client.address import Address
from rocketship.client.channel import Endpoint
from rocketship.client.proxy import Proxy
from rocketship.client.tls import TlsOptions
from rocketship.values import format_time
from rocketship.wire._generated import engine_pb2 as pb
from tests.client import stand_ins
from tests.client.stand_ins import HOST, StandIn


class Healthy(StandIn):
    """An engine that says how it is."""

    def __init__(self, word: str = "ok", ahead: float | None = 0.0) -> None:
        self._word = word
        self._ahead = ahead

    async def Health(self, request: Any, context: Any) -> Any:
        told = "" if self._ahead is None else format_time(time.time() + self._ahead)
        return pb.HealthResponse(status=self._word, time=told)


@pytest.mark.parametrize(
    ("ahead", "outcome", "message"),
    [
        (0.0, Outcome.OK, "agrees"),
        (90.0, Outcome.WARNING, "ahead"),
        (-90.0, Outcome.WARNING, "behind"),
        (None, Outcome.SKIPPED, "does not tell"),
    ],
)
def test_clock_of_the_engine_is_compared(
    ahead: float | None, outcome: Outcome, message: str
) -> None:
    found = look_at(stand_ins.engine(Healthy(ahead=ahead)))["clock"]

    assert found.outcome is outcome
    assert message in found.message


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> TlsOptions:
    """TLS options that trust the authority."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return TlsOptions(ca_cert=tmp_path / "ca.pem")


def endpoint(port: int, tls: TlsOptions | None = None, **changes: Any) -> Endpoint:
    address = Address(changes.pop("host", HOST), port, tls is not None)
    return Endpoint(address, tls or TlsOptions(), connect_timeout_seconds=2.0, **changes)


def look(target: Endpoint, environ: dict[str, str] | None = None) -> dict[str, Check]:
    return {check.name: check for check in network_checks(target, environ or {})}


def look_at(
    server: AbstractAsyncContextManager[int], tls: TlsOptions | None = None
) -> dict[str, Check]:
    """Return every check of a server, by name."""

    async def main() -> dict[str, Check]:
        async with server as port:
            target = endpoint(port, tls)
            found = await asyncio.to_thread(look, target)
            return found | {check.name: check for check in await engine_checks(target)}

    return asyncio.run(main())


def outcomes(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.outcome.value for name, check in checks.items()}


def test_engine_on_this_machine_is_in_order():
    checks = look_at(stand_ins.engine(Healthy()))

    assert set(outcomes(checks).values()) == {"ok"}
    assert checks["proxy"].message == "none"
    assert checks["grpc"].message == "the engine says it is ok"
    assert checks["engine"].message == "version 0.1.0, none auth"


def test_engine_that_is_about_to_stop_is_worth_a_warning():
    assert look_at(stand_ins.engine(Healthy("draining")))["grpc"].outcome is Outcome.WARNING


def test_certificate_is_shown_with_its_end(authority: trustme.CA, trusted: TlsOptions):
    leaf = stand_ins.certificate(authority, days=60)

    checks = look_at(stand_ins.engine(Healthy(), certificate=leaf), trusted)

    assert set(outcomes(checks).values()) == {"ok"}
    assert checks["tls"].message.startswith("TLSv1.3, certificate of ")
    assert " until " in checks["tls"].message


def test_authority_is_judged_as_grpc_judges_it_and_no_stricter(tmp_path: Path):
    # What openssl makes says nothing of key usage, which Python 3.13 demands by itself.
    commands = [
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=plain.test",
        "req -newkey rsa:2048 -nodes -keyout tls.key -out tls.csr -subj /CN=leaf.test",
        "x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -set_serial 1 -extfile names -out tls.pem",
    ]
    (tmp_path / "names").write_text(f"subjectAltName=IP:{HOST}\n", encoding="ascii")
    for command in commands:
        subprocess.run(["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    leaf = trustme.LeafCert(
        (tmp_path / "tls.key").read_bytes(), (tmp_path / "tls.pem").read_bytes(), []
    )

    trusted = TlsOptions(ca_cert=tmp_path / "ca.pem")
    checks = look_at(stand_ins.engine(Healthy(), certificate=leaf), trusted)

    assert set(outcomes(checks).values()) == {"ok"}


def test_certificate_that_soon_ends_is_worth_a_warning(authority: trustme.CA, trusted: TlsOptions):
    leaf = stand_ins.certificate(authority, days=3)

    found = look_at(stand_ins.engine(Healthy(), certificate=leaf), trusted)["tls"]

    assert found.outcome is Outcome.WARNING
    assert "days" in found.message


@pytest.mark.parametrize(
    ("changes", "days", "message", "hint"),
    [
        ({"ca_cert": None}, 60, "refused: unable to get local issuer", "--ca-cert"),
        ({}, -1, "refused: certificate has expired", "renew"),
        ({"server_name": "other.test"}, 60, "refused: Hostname mismatch", "--tls-server-name"),
    ],
)
def test_certificate_that_is_refused_is_shown_all_the_same(
    authority: trustme.CA,
    trusted: TlsOptions,
    changes: dict[str, Any],
    days: int,
    message: str,
    hint: str,
):
    leaf = stand_ins.certificate(authority, days=days)

    checks = look_at(stand_ins.engine(Healthy(), certificate=leaf), replace(trusted, **changes))

    assert checks["tls"].outcome is Outcome.FAILED
    assert "certificate of" in checks["tls"].message
    assert message in checks["tls"].message
    assert hint in checks["tls"].hint
    assert outcomes(checks)["grpc"] == "failed"
    assert outcomes(checks)["engine"] == "skipped"


def test_identity_that_is_not_verified_is_worth_a_warning(authority: trustme.CA):
    leaf = stand_ins.certificate(authority, days=60)

    checks = look_at(
        stand_ins.engine(Healthy(), certificate=leaf), TlsOptions(insecure_skip_verify=True)
    )

    assert checks["tls"].outcome is Outcome.WARNING
    assert "NOT verified" in checks["tls"].message
    assert outcomes(checks)["engine"] == "ok"


def test_server_without_tls_is_told_from_one_with_a_bad_certificate():
    found = look_at(stand_ins.engine(Healthy()), TlsOptions())["tls"]

    assert found.outcome is Outcome.FAILED
    assert "grpc://" in found.hint


def test_server_without_http2_cannot_carry_grpc(authority: trustme.CA, trusted: TlsOptions):
    context = stand_ins.server_context(stand_ins.certificate(authority, days=60), "http/1.1")

    found = look_at(stand_ins.tcp(stand_ins.say_nothing, context), trusted)["tls"]

    assert found.outcome is Outcome.FAILED


def test_port_where_nobody_listens_ends_the_search():
    with stand_ins.closed_port() as port:
        checks = look(endpoint(port))

    assert outcomes(checks) == {"proxy": "ok", "dns": "ok", "tcp": "failed", "tls": "skipped"}
    assert "nothing listens" in checks["tcp"].message


def test_unknown_name_ends_the_search():
    checks = look(endpoint(7700, host="engine.invalid"))

    assert outcomes(checks) == {"proxy": "ok", "dns": "failed", "tcp": "skipped", "tls": "skipped"}


def test_web_server_is_shown_with_what_it_says():
    async def login(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(
            b"HTTP/1.1 302 Found\r\nServer: lb\r\nLocation: https://login.example.com/\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
        await writer.drain()

    found = look_at(stand_ins.tcp(login))["http"]

    assert found.message == (
        "a web server answers there: HTTP 302, server lb, location https://login.example.com/"
    )


def test_way_through_a_proxy_is_followed(authority: trustme.CA, trusted: TlsOptions):
    seen: list[bytes] = []
    leaf = stand_ins.certificate(authority, days=60)

    async def main() -> dict[str, Check]:
        async with (
            stand_ins.engine(Healthy(), certificate=leaf) as port,
            stand_ins.tcp(stand_ins.proxy(seen=seen)) as proxy_port,
        ):
            proxy = Proxy("HTTPS_PROXY", HOST, proxy_port, "me:se%20cret")
            return await asyncio.to_thread(look, endpoint(port, trusted, proxy=proxy))

    checks = asyncio.run(main())

    assert set(outcomes(checks).values()) == {"ok"}
    assert checks["proxy"].message.endswith("as HTTPS_PROXY says")
    assert b"Proxy-Authorization: Basic bWU6c2UgY3JldA==" in seen[0]


def test_proxy_that_is_set_and_not_used_is_explained():
    with stand_ins.closed_port() as port:
        here = look(endpoint(port), {"HTTPS_PROXY": "http://p"})
        away = look(endpoint(7700, host="e.invalid"), {"https_proxy": "p", "no_proxy": "e.invalid"})

    assert here["proxy"].message == (
        "HTTPS_PROXY is set and not used: the engine is on this machine"
    )
    assert away["proxy"].message == (
        "https_proxy is set and not used: no_proxy names the engine's host"
    )
