"""One step's exchange: a request, the redirects that follow from it, and the cookies on the way."""

from __future__ import annotations

import time
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from rocketship.dataclass import dataclass
from rocketship.errors import ConnectionFailed, StepTimeout
from rocketship.plugins.http.client import HttpClient, Reply, Request
from rocketship.plugins.http.cookies import Jar, set_cookies
from rocketship.plugins.http.request import escape_url, header_secrets, url_complaint
from rocketship.plugins.http.response import Hop, Response
from rocketship.redaction import is_secret_header
from rocketship.values import format_duration

#: These turn every method but GET and HEAD into GET; the other two repeat the request as it is.
_TO_GET = frozenset({301, 302, 303})
_REDIRECTS = _TO_GET | {307, 308}
_DEFAULT_PORTS = {"http": 80, "https": 443}


async def exchange(
    client: HttpClient, request: Request, jar: Jar | None, *, max_redirects: int
) -> Response:
    """Send a request, follow its redirects, and return the last reply.

    Args:
        client: Sends each request.
        request: The first one; its `timeout_seconds` are for all of them together.
        jar: Keeps cookies, or None to send and keep none.
        max_redirects: 0 returns a redirect as it is; more redirects than this are an error.

    Raises:
        ConnectionFailed, StepTimeout, ConfigError: As the client does, and for redirects that lead
            nowhere or never end.
    """
    started = time.monotonic()
    hops: list[Hop] = []
    cookies: dict[str, str] = {}
    secrets: list[str] = []
    while True:
        sent = _with_rest_of_time(request, started)
        sent = jar.add_to(sent) if jar is not None else sent
        reply = await client.send(sent)
        if jar is not None:
            jar.take(sent, reply)
        cookies.update(set_cookies(reply))
        secrets += header_secrets(reply.headers)
        target = _target(request, reply) if max_redirects else None
        if target is None:
            return Response(sent, reply, tuple(hops), cookies, tuple(secrets))
        hops.append(Hop(reply.status, request.url, reply.timings["total"]))
        if len(hops) > max_redirects:
            raise ConnectionFailed(
                f"{hops[0].url} redirects more than {max_redirects} times, at last to {target}",
                hint='is it a loop? "follow_redirects" takes a larger number',
            )
        request = redirected(request, reply.status, target)


@dataclass(frozen=True, slots=True)
class _Site:
    """What decides whether two URLs may share credentials: who answers there."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> _Site:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        return cls(parts.scheme, (parts.hostname or "").lower(), port)

    def trusts(self, other: _Site) -> bool:
        """Whether credentials may go on to the other: to the same, or to it behind TLS.

        Another port may be somebody else's. Only the two that hosts have by convention belong
        together, and never from https to http.
        """
        encrypted = _Site("https", self.host, _DEFAULT_PORTS["https"])
        by_convention = self == _Site("http", self.host, _DEFAULT_PORTS["http"])
        return other == self or (by_convention and other == encrypted)


def redirected(request: Request, status: int, target: str) -> Request:
    """Return the request that a redirect leads to."""
    headers = request.headers
    if status in _TO_GET:
        method = request.method if request.method in ("GET", "HEAD") else "GET"
        headers = tuple(pair for pair in headers if not pair[0].startswith("Content-"))
        request = replace(request, method=method, body=None)
    before, after = _Site.of(request.url), _Site.of(target)
    if before.host != after.host:
        headers = tuple(pair for pair in headers if pair[0] != "Host")
    if not before.trusts(after):
        headers = tuple(pair for pair in headers if not is_secret_header(pair[0]))
        request = replace(request, credentials=None, aws_scope=None)
    return replace(request, url=target, headers=headers)


def _target(request: Request, reply: Reply) -> str | None:
    if reply.status not in _REDIRECTS:
        return None
    location = next((value for name, value in reply.headers if name.lower() == "location"), "")
    if not location:
        return None
    try:
        target = urljoin(request.url, location)
        complaint = url_complaint(target)
    except ValueError as error:
        complaint = f'"{location}" is not a URL: {error}'
    if complaint:
        raise ConnectionFailed(f"{request.url} redirects to a place that is none: {complaint}")
    return escape_url(target)


def _with_rest_of_time(request: Request, started: float) -> Request:
    if request.timeout_seconds is None:
        return request
    rest = request.timeout_seconds - (time.monotonic() - started)
    if rest <= 0:
        spent = format_duration(request.timeout_seconds)
        raise StepTimeout(f"the redirects to {request.url} took more than {spent}")
    return replace(request, timeout_seconds=rest)
