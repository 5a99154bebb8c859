"""Rules for web servers, load balancers and login pages that answer instead of an engine."""

from __future__ import annotations

import re

from rocketship.client.address import DEFAULT_PORT, WEB_PORT
from rocketship.client.diagnose.case import Case, Finding, Rules
from rocketship.errors import Overloaded, Refused

_FRONT = "whatever is in front of the engine"
_HTTP = {
    "0": Finding(
        "a proxy hands gRPC on as if it were plain HTTP",
        "nginx needs grpc_pass instead of proxy_pass; an ingress the backend protocol GRPC",
    ),
    "401": Finding(
        f"{_FRONT} wants a login of its own (HTTP 401)",
        "this is not the engine's answer: check the address, or ask whoever runs it",
        Refused,
    ),
    "403": Finding(
        f"{_FRONT} refuses access (HTTP 403)",
        "this is not the engine's answer: check the address, or ask whoever runs it",
        Refused,
    ),
    "413": Finding(
        f"{_FRONT} takes no request as large as this (HTTP 413)",
        "raise its limit (nginx: client_max_body_size), or send smaller files",
        Overloaded,
    ),
    "429": Finding(
        f"{_FRONT} takes no more requests for now (HTTP 429)", "try again later", Overloaded
    ),
    "464": Finding(
        "the load balancer and its targets speak different protocols (HTTP 464)",
        "make the AWS target group one of type gRPC",
    ),
}
_LOGIN = Finding(
    "the address is behind a browser login or another redirect (HTTP {status})",
    "use the host name meant for gRPC, or have the paths of gRPC let past the login",
)
_UPSTREAM = Finding(
    f"{_FRONT} cannot reach it (HTTP {{status}})",
    "is the engine up and ready? try again in a moment",
)
_NO_RULE = Finding(
    "a web server answers there, but knows nothing of gRPC (HTTP {status})",
    f"check host and port; gRPC is on port {DEFAULT_PORT} unless a proxy hands it on",
)
_HTTP |= dict.fromkeys(("301", "302", "303", "307", "308"), _LOGIN)
_HTTP |= dict.fromkeys(("502", "503", "504"), _UPSTREAM)
#: What a web server says to a gRPC call that has come to the wrong port.
_WRONG_PORT = ("404", "405", "415")


def _http_status(case: Case, match: re.Match[str]) -> Finding:
    status = match[1]
    if status in _WRONG_PORT and (finding := _wrong_port(case)):
        return finding
    found = _HTTP.get(status, _NO_RULE)
    return Finding(found.what.format(status=status), found.hint, found.kind)


def _not_grpc(case: Case, match: re.Match[str]) -> Finding:
    return _wrong_port(case) or Finding(
        "that port speaks HTTP, but not gRPC",
        f"gRPC is on port {DEFAULT_PORT} unless configured otherwise",
    )


def _neither(case: Case, match: re.Match[str]) -> Finding:
    return Finding(
        "that port speaks neither gRPC nor HTTP",
        f"something else listens there; gRPC is on port {DEFAULT_PORT} unless configured otherwise",
    )


def _wrong_port(case: Case) -> Finding | None:
    if case.endpoint.address.port != WEB_PORT:
        return None
    return _web_pages(f"{DEFAULT_PORT} unless configured otherwise")


def _web_port(case: Case, match: re.Match[str]) -> Finding:
    return _web_pages(match[1])


def _web_pages(port: str) -> Finding:
    return Finding("this is the port of its web pages", f"gRPC is on port {port}")


RULES: Rules = (
    # The type is the fourth byte of what came first; 80 is the P of HTTP/1.1.
    (r"Expected SETTINGS frame as the first frame, got frame type (?!80\b)\d", _neither),
    (r"Failed parsing HTTP/2|Expected SETTINGS frame", _not_grpc),
    (r"this is the HTTP port of the engine; its gRPC port is (\d+)", _web_port),
    (r"http2 header with status: (\d+)", _http_status),
    (r"Data frame with END_STREAM flag received", _not_grpc),
)
