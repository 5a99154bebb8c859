"""The four requests to an issuer of tokens, with an answer of bounded size and failures by kind.

Whoever waits for an answer needs to know one thing of a failure: whether asking again may help.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rocketship.dataclass import dataclass
from rocketship.errors import Infrastructure, Refused, Unreachable
from rocketship.run.printable import printable
from rocketship.tokens.login import parse_json

if TYPE_CHECKING:
    import httpx2

TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 256 * 1024
_MAX_SHOWN = 200
_TOO_MANY_REQUESTS = 429


class Unanswered(Unreachable):
    """The issuer did not answer, or said that it cannot now; asking again may help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an issuer answered.

    Attributes:
        error: The error code of OAuth, empty when there is none.
        description: What the issuer says about the error, for people.
    """

    status: int
    document: Mapping[str, Any]
    error: str = ""
    description: str = ""

    def text(self, name: str) -> str:
        """Return a member that is a text; empty when it is missing or something else."""
        value = self.document.get(name)
        return value if isinstance(value, str) else ""

    def seconds(self, name: str) -> float | None:
        """Return a member that is a number of seconds above 0, else None."""
        value = self.document.get(name)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            return None
        return float(value)


class OAuthClient:
    """Sends forms to an issuer and reads its JSON.

    Args:
        client: What carries the requests; it follows no redirects, because a token request must
            reach whom it was meant for.
    """

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def get(self, url: str) -> Answer:
        """Fetch a document.

        Raises:
            Unanswered: Nobody answered, or not now.
            Refused: Something else answered.
        """
        return self._send("GET", url, None)

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """Send a form, without its empty fields; errors as for `get`."""
        return self._send("POST", url, {key: value for key, value in form.items() if value})

    def _send(self, method: str, url: str, form: Mapping[str, str] | None) -> Answer:
        import httpx2

        check_endpoint(url)
        headers = {"Accept": "application/json"}
        try:
            with self._client.stream(method, url, data=form, headers=headers) as reply:
                content = _bounded(reply, url)
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            hint = "check the network, and HTTPS_PROXY if there is a proxy"
            raise Unanswered(f"{_place(url)} does not answer: {_say(error)}", hint=hint) from error
        except (httpx2.InvalidURL, httpx2.HTTPError) as error:
            raise Refused(f"{_place(url)} cannot be asked: {_say(error)}") from error
        return _answer(reply, content, url)


@contextmanager
def oauth_client(ca_cert: str = "", *, loopback: bool = False) -> Iterator[OAuthClient]:
    """Open a client for an issuer.

    Args:
        ca_cert: Path of certificates to trust besides the system's.
        loopback: Whether the issuer is on this machine, where no proxy leads.
    """
    import httpx2

    context = ssl.create_default_context()
    if ca_cert:
        try:
            context.load_verify_locations(ca_cert)
        except OSError as error:
            raise Infrastructure(f"{ca_cert} cannot be used: {error}") from error
    with httpx2.Client(
        timeout=TIMEOUT_SECONDS, verify=context, follow_redirects=False, trust_env=not loopback
    ) as client:
        yield OAuthClient(client)


def is_loopback(url: str) -> bool:
    """Return whether a URL can only lead to this machine."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    parts = host.split(".")
    four = len(parts) == 4 and all(part.isdecimal() for part in parts) and parts[0] == "127"
    return host in ("localhost", "::1") or host.endswith(".localhost") or four


def check_endpoint(url: str) -> None:
    """Refuse a URL to which no secret may be sent.

    Raises:
        Refused: It has no TLS and leads to another machine, or is no URL at all.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not url.isprintable() or " " in url or parts.username is not None:
        raise Refused(f'"{printable(url)[:_MAX_SHOWN]}" is not the URL of a login service')
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)):
        return
    raise Refused(
        f"{_place(url)} is not safe to log in with: its URL does not begin with https://",
        hint="whoever runs the engine must configure the issuer with TLS",
    )


def origin(url: str) -> str:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _bounded(reply: httpx2.Response, url: str) -> bytes:
    content = b""
    for part in reply.iter_bytes():
        content += part
        if len(content) > MAX_ANSWER_BYTES:
            raise Refused(f"the answer of {_place(url)} is too large to be one of a login service")
    return content


def _answer(reply: httpx2.Response, content: bytes, url: str) -> Answer:
    status = reply.status_code
    if status >= 500 or status == _TOO_MANY_REQUESTS:
        raise Unanswered(f"{_place(url)} cannot answer now (HTTP {status})", hint="try again later")
    if 300 <= status < 400:
        to = printable(reply.headers.get("location", "nowhere"))[:_MAX_SHOWN]
        hint = "is there a proxy or captive portal on the way? redirects are not followed"
        raise Refused(f"{_place(url)} leads elsewhere (HTTP {status}): {to}", hint=hint)
    document = parse_json(content)
    if not isinstance(document, dict):
        if status == 200 and not content:
            return Answer(status, {})  # RFC 7009: a revocation says nothing
        kind = printable(reply.headers.get("content-type", "no type"))[:_MAX_SHOWN]
        raise Refused(
            f"{_place(url)} does not answer as a login service does (HTTP {status}, {kind})",
            hint="is it the right issuer, and is there a proxy on the way?",
        )
    error, description = document.get("error"), document.get("error_description")
    if status >= 400 or error:
        code = error if isinstance(error, str) and error else f"HTTP {status}"
        said = description if isinstance(description, str) else ""
        return Answer(status, document, printable(code), printable(said)[:_MAX_SHOWN])
    return Answer(status, document)


def _place(url: str) -> str:
    return printable(url.partition("?")[0])[:_MAX_SHOWN]


def _say(error: Exception) -> str:
    return printable(str(error)) or type(error).__name__
