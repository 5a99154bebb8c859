"""What a step's observables look at: the last reply of an exchange, read when somebody asks."""

from __future__ import annotations

import codecs
from functools import cached_property
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import AssertionFailed
from rocketship.plugins.http.body import describe_body
from rocketship.plugins.http.client import Reply, Request
from rocketship.plugins.http.request import describe_headers
from rocketship.template import document
from rocketship.values import Json, JsonObject

#: What any charset for text can decode, if need be with replacements.
_EVERY_BYTE = bytes(range(256))
#: Some versions of Python take any text with these, too.
_FOR_HOSTS = frozenset({"idna", "punycode"})
#: How much of a body that should be JSON a message quotes.
MAX_QUOTED_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Hop:
    """A redirect on the way to the reply."""

    status: int
    url: str
    seconds: float


@dataclass(frozen=True)
class Response:
    """The end of an exchange.

    Attributes:
        request: The last request, after redirects.
        reply: The last reply.
        hops: The redirects before it.
        cookies: Every cookie set on the way, by name.
        secrets: The credentials in the headers of all replies on the way.
    """

    request: Request
    reply: Reply
    hops: tuple[Hop, ...]
    cookies: dict[str, str]
    secrets: tuple[str, ...] = ()

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whatever its spelling, or None."""
        wanted = name.lower()
        return next((value for key, value in self.reply.headers if key.lower() == wanted), None)

    @cached_property
    def text(self) -> str:
        """The body as text, in the charset it is declared in."""
        return self.reply.body.decode(self.charset, errors="replace")

    @cached_property
    def json(self) -> Json:
        """The body as JSON, with all digits of its whole numbers.

        Raises:
            AssertionFailed: It is not JSON; the message quotes its beginning.
        """
        try:
            return document.read(self.reply.body)
        except document.NotJson as error:
            raise self.not_json(str(error)) from None

    @property
    def timings(self) -> dict[str, float]:
        """Seconds by phase of the last request; `total` and `redirects` count the ones before."""
        timings = dict(self.reply.timings)
        if self.hops:
            timings["redirects"] = sum(hop.seconds for hop in self.hops)
            timings["total"] += timings["redirects"]
        return timings

    @cached_property
    def certificate(self) -> JsonObject | None:
        """The server's certificate, or None when the connection had none."""
        return read_certificate(self.reply.certificate) if self.reply.certificate else None

    def describe(self) -> JsonObject:
        """Return what reports show of the response."""
        reply = self.reply
        shown: JsonObject = {
            "status": reply.status,
            "reason": reply.reason,
            "http_version": reply.http_version,
            "headers": describe_headers(reply.headers),
            "remote": reply.remote,
            "reused": reply.reused,
            **describe_body(reply.body, self.header("content-type") or ""),
        }
        if self.hops:
            shown["url"] = self.request.url
            shown["redirects"] = [{"status": hop.status, "url": hop.url} for hop in self.hops]
        if self.certificate:
            shown["certificate"] = self.certificate
        return shown

    @property
    def charset(self) -> str:
        """The charset the body is declared in, if it can be decoded with it, or UTF-8."""
        _, _, parameters = (self.header("content-type") or "").lower().partition("charset=")
        charset = parameters.partition(";")[0].strip(' "') or "utf-8"
        try:
            known = codecs.lookup(charset).name
            _EVERY_BYTE.decode(charset, errors="replace")
        except (LookupError, UnicodeError):  # nobody knows it, or it is none for text
            return "utf-8"
        return "utf-8" if known in _FOR_HOSTS else charset

    def not_json(self, reason: str) -> AssertionFailed:
        """Return the failure of whoever needs the body as JSON, which for a reason it is not."""
        kind = self.header("content-type") or "no Content-Type"
        if not self.reply.body:
            return AssertionFailed(
                f"the body is empty, not JSON (status {self.reply.status}, {kind})"
            )
        beginning = self.reply.body[: 16 * MAX_QUOTED_CHARACTERS]
        text = " ".join(beginning.decode(self.charset, errors="replace").split())
        quoted = text[:MAX_QUOTED_CHARACTERS] + ("..." if len(text) > MAX_QUOTED_CHARACTERS else "")
        return AssertionFailed(f"the body {reason} (status {self.reply.status}, {kind}): {quoted}")


def read_certificate(pem: str) -> JsonObject:
    """Return the parts of a certificate that tests ask about; times are in ISO 8601, UTC."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    certificate = x509.load_pem_x509_certificate(pem.encode())
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "starts": certificate.not_valid_before_utc.isoformat(),
        "expires": certificate.not_valid_after_utc.isoformat(),
        "days_left": _days_left(certificate.not_valid_after_utc),
        "san": _alternative_names(certificate),
        "serial": f"{certificate.serial_number:x}",
        "sha256": certificate.fingerprint(SHA256()).hex(),
    }


def _days_left(end: Any) -> int:
    from datetime import UTC, datetime

    left = end - datetime.now(UTC)
    return int(left.total_seconds() // 86400)


def _alternative_names(certificate: Any) -> list[Json]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names.value]
