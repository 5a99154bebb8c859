"""Says in plain words what libcurl's error codes mean to somebody who tests a service."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pycurl

from rocketship.errors import ConfigError, ConnectionFailed, PluginError, StepError, StepTimeout
from rocketship.plugins.http.client import MAX_BODY_BYTES, Request
from rocketship.plugins.http.curl.options import Sink
from rocketship.values import format_duration

_RUNNING = "is the system under test running, and is this its port?"
_LOG = "look into the log of the system under test"

#: Code to a sentence that follows the address, and a hint. `{detail}` is libcurl's own message.
_SENTENCES: dict[int, tuple[str, str | None]] = {
    pycurl.E_GOT_NOTHING: ("closed the connection without an answer", _LOG),
    pycurl.E_RECV_ERROR: ("broke the connection before the answer was complete: {detail}", _LOG),
    pycurl.E_SEND_ERROR: ("broke the connection while the request was sent: {detail}", _LOG),
    pycurl.E_PARTIAL_FILE: ("closed the connection in the middle of the body: {detail}", _LOG),
    pycurl.E_UNSUPPORTED_PROTOCOL: ("did not answer in HTTP: {detail}", _RUNNING),
    pycurl.E_FTP_WEIRD_SERVER_REPLY: ("did not answer in HTTP: {detail}", _RUNNING),
    pycurl.E_BAD_CONTENT_ENCODING: (
        "sent a body that cannot be decompressed: {detail}",
        'the header "Accept-Encoding: identity" asks for a plain one',
    ),
    pycurl.E_PEER_FAILED_VERIFICATION: (
        "has a certificate that is not trusted: {detail}",
        'name its authority with "ca", or set "verify: false"',
    ),
    pycurl.E_SSL_CONNECT_ERROR: (
        "did not agree on a TLS connection: {detail}",
        "does this port speak https, and does it want a client certificate?",
    ),
}

#: Code to the key that cannot be used.
_CONFIG_KEYS = {
    pycurl.E_SSL_CERTPROBLEM: '"cert" or "key"',
    pycurl.E_SSL_CACERT_BADFILE: '"ca"',
}


def explain(code: int, detail: str, request: Request, handle: pycurl.Curl, sink: Sink) -> StepError:
    """Return the error to raise for a failed transfer; `handle` still holds what is known of it."""
    place = address(request.url)
    if sink.overflow:
        limit = MAX_BODY_BYTES // 2**20
        return PluginError(
            f"the answer of {place} is larger than {limit} MiB",
            hint="ask for less, or a part of it",
        )
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return _timeout(place, handle, sink)
    if code in _CONFIG_KEYS:
        return ConfigError(f"{_CONFIG_KEYS[code]} cannot be used: {detail}")
    if code == pycurl.E_BAD_FUNCTION_ARGUMENT and "private key" in detail:
        return ConfigError(
            '"key" cannot be used', hint='does it belong to "cert", and is "key_password" right?'
        )
    if code in (pycurl.E_NOT_BUILT_IN, pycurl.E_BAD_FUNCTION_ARGUMENT, pycurl.E_UNKNOWN_OPTION):
        return ConfigError(f"libcurl cannot do what the request needs: {detail}")
    if code == pycurl.E_URL_MALFORMAT:
        return ConfigError(f"url: {request.url} is not a usable URL: {detail}")
    if unreachable := _unreachable(code, detail, place, request, handle):
        return unreachable
    sentence, hint = _SENTENCES.get(code, (f"{{detail}} (libcurl error {code})", None))
    return ConnectionFailed(f"{place} {sentence.format(detail=detail)}", hint=hint)


def address(url: str) -> str:
    """Return `host:port` of a URL, the port also when it is the scheme's own."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _timeout(place: str, handle: pycurl.Curl, sink: Sink) -> StepTimeout:
    spent = format_duration(handle.getinfo(pycurl.TOTAL_TIME))
    if sink.lines:
        return StepTimeout(f"the answer of {place} was not complete after {spent}")
    if handle.getinfo(pycurl.REQUEST_SIZE):
        return StepTimeout(f"{place} did not answer within {spent}", hint='raise "timeout"?')
    return StepTimeout(f"no connection to {place} within {spent}", hint=_RUNNING)


def _unreachable(
    code: int, detail: str, place: str, request: Request, handle: pycurl.Curl
) -> ConnectionFailed | None:
    host = urlsplit(request.url).hostname
    if code == pycurl.E_COULDNT_RESOLVE_HOST:
        return ConnectionFailed(
            f"no address found for the host {host}", hint="check its spelling, and the DNS here"
        )
    if code == pycurl.E_COULDNT_RESOLVE_PROXY:
        return ConnectionFailed("no address found for the proxy", hint='check "proxy"')
    if code == pycurl.E_COULDNT_CONNECT:
        number = handle.getinfo(pycurl.OS_ERRNO)
        cause = os.strerror(number).lower() if number else detail
        return ConnectionFailed(f"cannot connect to {place}: {cause}", hint=_RUNNING)
    return None
