"""Checks of the way to an engine, one layer after the other: proxy, name, connection, TLS."""

from __future__ import annotations

import os
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rocketship.cli.doctor.check import Check, Outcome, failed, ok, skipped, warning
from rocketship.client.channel import Endpoint
from rocketship.client.proxy import EXCEPTIONS, VARIABLES
from rocketship.run.printable import printable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: Certificates are renewed long before they end, unless somebody has forgotten.
MIN_DAYS_LEFT = 14
_SECONDS_PER_DAY = 86_400
_HTTP2 = "h2"


def network_checks(endpoint: Endpoint, environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield the checks, from the nearest thing to the farthest; what cannot be made is skipped."""
    yield _proxy(endpoint, environ)
    name = _name(endpoint)
    yield name
    if name.outcome is Outcome.FAILED:
        yield from (skipped("tcp", "the name is unknown"), skipped("tls", "the name is unknown"))
        return
    connection = _connection(endpoint)
    yield connection
    if connection.outcome is Outcome.FAILED:
        yield skipped("tls", "there is no connection")
        return
    yield _tls(endpoint)


def _proxy(endpoint: Endpoint, environ: Mapping[str, str]) -> Check:
    if proxy := endpoint.proxy:
        return ok("proxy", f"{proxy}, as {proxy.variable} says")
    if variable := next((name for name in VARIABLES if environ.get(name)), None):
        exception = next((name for name in EXCEPTIONS if environ.get(name)), "")
        why = "the engine is on this machine"
        if not endpoint.address.loopback:
            why = f"{exception} names the engine's host"
        return ok("proxy", f"{variable} is set and not used: {why}")
    return ok("proxy", "none")


def _hop(endpoint: Endpoint) -> tuple[str, int]:
    """Return where a connection leads first."""
    if endpoint.proxy:
        return endpoint.proxy.host.strip("[]"), endpoint.proxy.port
    return endpoint.address.host, endpoint.address.port


def _name(endpoint: Endpoint) -> Check:
    host, port = _hop(endpoint)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        hint = "check its spelling, and whether it needs a VPN or another DNS server"
        return failed("dns", f"{host}: {error.strerror}", hint)
    addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
    return ok("dns", f"{host} is {', '.join(addresses)}")


def _connection(endpoint: Endpoint) -> Check:
    hop = _hop(endpoint)
    shown = f"{hop[0]}, port {hop[1]}"
    begun = time.perf_counter()
    try:
        socket.create_connection(hop, endpoint.connect_timeout_seconds).close()
    except ConnectionRefusedError:
        hint = "is the engine running? gRPC is on port 7700 unless configured otherwise"
        return failed("tcp", f"nothing listens at {shown}", hint)
    except TimeoutError:
        hint = "check host and port; a firewall may drop the packets"
        return failed("tcp", f"no answer from {shown}", hint)
    except OSError as error:
        return failed("tcp", f"{shown}: {error.strerror}", "check the network, VPN and firewall")
    return ok("tcp", f"{shown} answers in {(time.perf_counter() - begun) * 1000:.0f}ms")


def _tls(endpoint: Endpoint) -> Check:
    if not endpoint.address.tls:
        if endpoint.address.loopback:
            return ok("tls", "none, and none is needed on this machine")
        hint = "use an https:// or grpcs:// address if the engine has one"
        return warning("tls", "none: everybody on the way can read along", hint)
    try:
        with _secured(endpoint, verify=False) as secured:
            certificate = _certificate(secured)
            version, protocol = secured.version(), secured.selected_alpn_protocol()
    except (OSError, HTTPException) as error:
        authority = endpoint.address.authority
        hint = f"if the server has no TLS, use grpc://{authority}"
        return failed("tls", f"no handshake: {_reason(error)}", hint)
    shown = f"{version}, {_describe(certificate)}"
    if protocol != _HTTP2:
        hint = "enable HTTP/2 on that listener (nginx: `http2`; AWS: a target group of type gRPC)"
        return failed("tls", f"{shown}; HTTP/2, which gRPC needs, is not offered", hint)
    return _verdict(endpoint, certificate, shown)


def _verdict(endpoint: Endpoint, certificate: Certificate, shown: str) -> Check:
    """Tell whether the certificate is good for this client."""
    if endpoint.tls.insecure_skip_verify:
        return warning("tls", f"{shown}; NOT verified", "name its authority with --ca-cert instead")
    try:
        with _secured(endpoint, verify=True):
            pass
    except ssl.SSLCertVerificationError as error:
        return failed("tls", f"{shown}; refused: {error.verify_message}", _remedy(error))
    except (OSError, HTTPException) as error:
        return failed("tls", f"{shown}; {_reason(error)}", "try again")
    days = (certificate.not_valid_after_utc.timestamp() - time.time()) / _SECONDS_PER_DAY
    if days < MIN_DAYS_LEFT:
        return warning("tls", f"{shown}, which is in {days:.0f} days", "renew it on the server")
    return ok("tls", shown)


def _remedy(error: ssl.SSLCertVerificationError) -> str:
    text = error.verify_message.lower()
    if "mismatch" in text or "not valid for" in text:
        return "use a name the certificate holds, or give that name with --tls-server-name"
    if "expired" in text or "not yet valid" in text:
        return "renew it on the server, and check the clock of this machine"
    return "name the authority's certificate with --ca-cert FILE"


@contextmanager
def _secured(endpoint: Endpoint, *, verify: bool) -> Iterator[ssl.SSLSocket]:
    with connected(endpoint) as connection:
        secured = handshake(connection, endpoint, verify=verify, protocol=_HTTP2)
        with secured:
            yield secured


def handshake(
    connection: HTTPConnection, endpoint: Endpoint, *, verify: bool, protocol: str
) -> ssl.SSLSocket:
    """Begin TLS as the endpoint says, offering one protocol; the caller closes what is returned.

    Raises:
        OSError: It does not come about.
    """
    tls = endpoint.tls
    context = ssl.create_default_context(cafile=tls.ca_cert)
    # Since 3.13 Python demands more of certificates than gRPC does, whose judgement counts here.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    if tls.client_cert:
        context.load_cert_chain(tls.client_cert, tls.client_key, password=b"")
    name = tls.server_name or endpoint.address.host
    return context.wrap_socket(connection.sock, server_hostname=name)


@contextmanager
def connected(endpoint: Endpoint) -> Iterator[HTTPConnection]:
    """Connect to an engine's port, through its proxy if it has one, without TLS yet."""
    connection = HTTPConnection(*_hop(endpoint), timeout=endpoint.connect_timeout_seconds)
    if proxy := endpoint.proxy:
        headers = {}
        if proxy.credentials:
            token = b64encode(unquote(proxy.credentials).encode()).decode()
            headers["Proxy-Authorization"] = f"Basic {token}"
        connection.set_tunnel(endpoint.address.host, endpoint.address.port, headers)
    try:
        connection.connect()
        yield connection
    finally:
        connection.close()


def _certificate(secured: ssl.SSLSocket) -> Certificate:
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")


def _describe(certificate: Certificate) -> str:
    subject, issuer = (
        printable(name.rfc4514_string()) or "nobody"
        for name in (certificate.subject, certificate.issuer)
    )
    end = certificate.not_valid_after_utc.strftime("%Y-%m-%d")
    return f"certificate of {subject} from {issuer} until {end}"


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if number and number > 0 else printable(str(error))
