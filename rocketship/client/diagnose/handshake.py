"""Rules for TLS handshakes that fail."""

from __future__ import annotations

import re

from rocketship.client.diagnose.case import Case, Finding, Rules
from rocketship.errors import Refused


def _unverified(case: Case, match: re.Match[str]) -> Finding:
    reason = match[1]
    if "expired" in reason:
        hint = "it has to be renewed on the server; also check this machine's clock"
        return Finding("the server's certificate has expired", hint)
    if "not yet valid" in reason:
        hint = "check this machine's clock"
        return Finding("the server's certificate is not valid yet", hint)
    return Finding(
        f"the server's certificate is from an authority unknown here ({reason})",
        "name the authority's certificate with --ca-cert FILE",
    )


def _other_name(case: Case, match: re.Match[str]) -> Finding:
    name = case.endpoint.tls.server_name or case.endpoint.address.host
    return Finding(
        f'the server\'s certificate is not for the name "{name}"',
        "use a name the certificate holds, or give that name with --tls-server-name",
    )


def _no_tls(case: Case, match: re.Match[str]) -> Finding:
    authority = case.endpoint.address.authority
    return Finding("the server does not speak TLS on this port", f"try grpc://{authority}")


def _no_http2(case: Case, match: re.Match[str]) -> Finding:
    return Finding(
        "the server speaks TLS, but does not offer HTTP/2, which gRPC needs",
        "enable HTTP/2 on that listener (nginx: `http2`; AWS: a target group of type gRPC)",
    )


def client_certificate(case: Case, match: re.Match[str]) -> Finding:
    """Return the finding for a server that hangs up on who we are, or are not."""
    if case.endpoint.tls.client_cert:
        what = "the server does not accept our client certificate"
        hint = "is it from an authority the server trusts, and still valid?"
    else:
        what = "the server hung up during the TLS handshake; it may want a client certificate"
        hint = "give one with --client-cert and --client-key"
    return Finding(what, hint, Refused)


def _hung_up(case: Case, match: re.Match[str]) -> Finding:
    return Finding(
        "the server hung up during the TLS handshake",
        "`rocketship doctor` tells whether it speaks TLS there, and which versions",
    )


def _handshake(case: Case, match: re.Match[str]) -> Finding:
    alert = re.search(r"(?:OPENSSL_internal:|\[SSL: )(\w+)", case.text)
    why = f" ({alert[1].lower().replace('_', ' ')})" if alert else ""
    hint = "check with `rocketship doctor` which TLS version and names the server accepts"
    return Finding(f"the TLS handshake failed{why}", hint)


RULES: Rules = (
    (r"CERTIFICATE_VERIFY_FAILED: ([^:]+)", _unverified),
    (r"Hostname Verification Check failed", _other_name),
    (r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE", _no_tls),
    (r"missing selected ALPN|NO_APPLICATION_PROTOCOL", _no_http2),
    (r"ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|\w+_CERTIFICATE)", client_certificate),
    (r"Handshake read failed \((?!Endpoint closing)", _hung_up),
    (r"[Hh]andshake failed|\[SSL", _handshake),
)
