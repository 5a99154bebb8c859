"""Reads what a finished transfer left in its handle."""

from __future__ import annotations

from collections.abc import Sequence

import pycurl

from rocketship.plugins.http.client import Reply, Request
from rocketship.plugins.http.curl.options import Sink

_VERSIONS = {
    pycurl.CURL_HTTP_VERSION_1_0: "1.0",
    pycurl.CURL_HTTP_VERSION_1_1: "1.1",
    pycurl.CURL_HTTP_VERSION_2_0: "2",
    pycurl.CURL_HTTP_VERSION_3: "3",
}


def read(handle: pycurl.Curl, request: Request, sink: Sink) -> Reply:
    """Return the reply of a transfer that succeeded."""
    reason, headers = parse_head(sink.lines)
    reused = handle.getinfo(pycurl.NUM_CONNECTS) == 0
    return Reply(
        status=handle.getinfo(pycurl.RESPONSE_CODE),
        reason=reason,
        http_version=_VERSIONS.get(handle.getinfo(pycurl.INFO_HTTP_VERSION), "unknown"),
        headers=headers,
        body=b"".join(sink.chunks),
        timings=_timings(handle, reused),
        remote=_remote(handle),
        reused=reused,
        cookies=tuple(handle.getinfo(pycurl.INFO_COOKIELIST)),
        certificate=_certificate(handle) if request.certificate else None,
    )


def parse_head(lines: Sequence[bytes]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the reason phrase and headers of the last head among the lines, trailers included.

    Earlier heads belong to interim answers, to a proxy, or to the challenge of an authentication.
    """
    first, *rest = _texts(lines)
    headers: list[tuple[str, str]] = []
    for text in rest:
        if text[:1] in (" ", "\t") and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {text.strip()}")
        elif ":" in text:
            name, _, value = text.partition(":")
            headers.append((name.strip(), value.strip()))
    words = first.split(None, 2)
    return (words[2].strip() if len(words) == 3 else ""), tuple(headers)


def _texts(lines: Sequence[bytes]) -> list[str]:
    """Return the lines of the last head, as UTF-8 where they are."""
    heads = [number for number, line in enumerate(lines) if line[:5] == b"HTTP/"]
    last = lines[heads[-1] :] if heads else lines or [b""]
    try:
        return [line.decode() for line in last]
    except UnicodeDecodeError:
        return list(map(_text, last))


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _timings(handle: pycurl.Curl, reused: bool) -> dict[str, float]:
    looked_up: float = handle.getinfo(pycurl.NAMELOOKUP_TIME)
    connected: float = handle.getinfo(pycurl.CONNECT_TIME)
    secured: float = handle.getinfo(pycurl.APPCONNECT_TIME)
    sent: float = handle.getinfo(pycurl.PRETRANSFER_TIME)
    answered: float = handle.getinfo(pycurl.STARTTRANSFER_TIME)
    total: float = handle.getinfo(pycurl.TOTAL_TIME)
    timings: dict[str, float] = {}
    if not reused:
        timings["dns"] = looked_up
        timings["connect"] = max(0.0, connected - looked_up)
        if secured:
            timings["tls"] = max(0.0, secured - connected)
    timings["first_byte"] = max(0.0, answered - sent)
    timings["download"] = max(0.0, total - answered)
    timings["total"] = total
    return timings


def _remote(handle: pycurl.Curl) -> str:
    host = handle.getinfo(pycurl.PRIMARY_IP)
    port = handle.getinfo(pycurl.PRIMARY_PORT)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _certificate(handle: pycurl.Curl) -> str | None:
    for entry in handle.getinfo(pycurl.INFO_CERTINFO)[:1]:
        for name, value in entry:
            if name == "Cert":
                return str(value)
    return None
