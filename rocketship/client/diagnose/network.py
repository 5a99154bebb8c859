"""Rules for connections that cannot be made or kept, with a proxy on the way or without."""

from __future__ import annotations

import re

from rocketship.client.address import DEFAULT_PORT
from rocketship.client.diagnose import handshake
from rocketship.client.diagnose.case import Case, Finding, Rules
from rocketship.errors import Refused
from rocketship.values import format_duration


def _proxy_answer(case: Case, match: re.Match[str]) -> Finding:
    proxy, authority = case.endpoint.proxy, case.endpoint.address.authority
    variable = proxy.variable if proxy else "HTTPS_PROXY"
    if match[1] == "407":
        hint = f"write http://USER:PASSWORD@HOST:PORT into {variable}"
        return Finding("the proxy wants a valid user name and password (407)", hint, Refused)
    what = f"the proxy opens no tunnel to {authority} (HTTP {match[1]})"
    return Finding(what, _proxy_hint(case), Refused)


def _resolving(case: Case, match: re.Match[str]) -> Finding:
    proxy = case.endpoint.proxy
    if proxy:
        return Finding(f'the name of the proxy, "{proxy.host}", is unknown', _proxy_hint(case))
    return Finding(
        f'the host name "{case.endpoint.address.host}" is unknown',
        "check its spelling, and whether it needs a VPN or another DNS server",
    )


def _refused(case: Case, match: re.Match[str]) -> Finding:
    address, proxy = case.endpoint.address, case.endpoint.proxy
    if proxy:
        return Finding("nothing listens at the proxy's address", _proxy_hint(case))
    hint = f"is the engine running? gRPC is on port {DEFAULT_PORT} unless configured otherwise"
    if address.loopback:
        hint = "start an engine with `rocketship start server -b`, or run with --auto to need none"
    return Finding("nothing listens there", hint)


def _no_way(case: Case, match: re.Match[str]) -> Finding:
    where = "the proxy" if case.endpoint.proxy else "the host"
    hint = _proxy_hint(case) if case.endpoint.proxy else "check the network, VPN and firewall"
    return Finding(f"{where} cannot be reached ({match[0].lower()})", hint)


def silent(case: Case, match: re.Match[str] | None = None) -> Finding:
    """Return the finding for an address where nothing answers."""
    took = format_duration(case.endpoint.connect_timeout_seconds)
    hint = (
        "check host and port; a firewall may drop the packets. "
        "--connect-timeout gives a slow network more time"
    )
    if case.endpoint.proxy:
        hint = _proxy_hint(case)
    return Finding(f"no answer to the attempt to connect within {took}", hint)


def _closed(case: Case, match: re.Match[str]) -> Finding:
    if case.connected:
        return _stopping(case, match)
    if case.endpoint.address.tls:
        return handshake.client_certificate(case, match)
    what = "the server closed the connection at once; it probably expects TLS"
    return Finding(what, f"try grpcs://{case.endpoint.address.authority}")


def _stopping(case: Case, match: re.Match[str]) -> Finding:
    return Finding("the connection was lost; the engine may be restarting", "try again in a moment")


def _pings(case: Case, match: re.Match[str]) -> Finding:
    return Finding(
        "it, or a proxy on the way, does not permit keepalive pings this often",
        "allow a ping every 30 seconds there",
    )


def _proxy_hint(case: Case) -> str:
    proxy, host = case.endpoint.proxy, case.endpoint.address.host
    variable = proxy.variable if proxy else "HTTPS_PROXY"
    return f"check {variable}, or put {host} into NO_PROXY to connect without a proxy"


RULES: Rules = (
    (r"HTTP proxy returned response code (\d+|nothing)", _proxy_answer),
    (r"errors resolving|lookup failed|Name or service not known|name resolution", _resolving),
    (r"Connection refused", _refused),
    (r"No route to host|Network is unreachable|Host is unreachable|Connection timed out", _no_way),
    (r"Handshake read failed \(Endpoint closing|before receiving SETTINGS", silent),
    (r"Too many pings|too_many_pings|ENHANCE_YOUR_CALM", _pings),
    (r"Socket closed|Connection reset|Broken pipe|End of TCP stream", _closed),
    (r"Cancelling all calls|GOAWAY|[Kk]eepalive watchdog|Channel closed", _stopping),
)
