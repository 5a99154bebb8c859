"""The port between the plugin and whatever speaks HTTP for it: one request out, one reply back.

A client knows nothing of suites. It neither follows redirects nor keeps cookies between requests;
both are the plugin's business, because their rules belong to a test and not to a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Protocol

from rocketship.dataclass import dataclass

#: Larger bodies are worked on in threads, in children, or in turns, so that nobody else waits.
LARGE_BODY_BYTES = 1 << 20
#: Larger response bodies are an error, so that a wrong URL cannot fill the memory.
MAX_BODY_BYTES = 64 * 1024 * 1024
DEFAULT_CONNECT_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AwsScope:
    """What an AWS signature is bound to besides the key: a region and a service."""

    region: str
    service: str


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom to trust and who to be; certificates and keys are the bytes of PEM files."""

    verify: bool = True
    ca: bytes | None = None
    cert: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    key_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy's URL, and the comma-separated hosts that are reached without it."""

    url: str = ""
    bypass: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent.

    Attributes:
        url: Absolute, http or https, already escaped.
        body: None sends none; empty bytes announce a body of length 0.
        timeout_seconds: For everything from the name look-up to the last byte; None waits forever.
        http_version: The version that must be spoken (1.1, 2 or 3); None takes what is offered.
        credentials: For the schemes that need the client's help: they sign the request when there
            is an `aws_scope`, and answer a digest challenge otherwise.
        cookies: Lines of a Netscape cookie file to choose from.
        certificate: Whether the reply must carry the server's certificate; that takes a new
            connection.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout_seconds: float | None = None
    connect_timeout_seconds: float = DEFAULT_CONNECT_TIMEOUT_SECONDS
    http_version: str | None = None
    tls: Tls = Tls()
    proxy: Proxy = Proxy()
    credentials: Credentials | None = None
    aws_scope: AwsScope | None = None
    cookies: tuple[str, ...] = ()
    certificate: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request.

    Attributes:
        headers: In the order and spelling of the server, repeated names included.
        body: Decompressed.
        timings: Seconds by phase: dns, connect, tls, first_byte, download, total. A phase that did
            not happen (a reused connection has no first three) is missing.
        remote: The address that answered, `host:port`.
        cookies: The request's cookie lines as the reply changed them.
        certificate: The server's certificate in PEM, when the request asked for it and it has one.
    """

    status: int
    reason: str
    http_version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timings: Mapping[str, float]
    remote: str
    reused: bool
    cookies: tuple[str, ...] = ()
    certificate: str | None = None


class HttpClient(Protocol):
    """Sends requests over connections it keeps open for the next ones."""

    async def send(self, request: Request) -> Reply:
        """Return the reply; cancelling closes the connection in use at once.

        Raises:
            ConnectionFailed: No reply, or one that is not HTTP.
            StepTimeout: The reply was not complete in time.
            ConfigError: The request cannot be sent as asked (a key that fits no certificate).
        """
        ...

    def close(self) -> None:
        """Close every connection."""
        ...
