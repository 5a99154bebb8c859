"""Builds the request of a step from its configuration, and refuses what cannot be a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from rocketship._version import __version__
from rocketship.errors import ConfigError
from rocketship.plugins.api import Call, Finding
from rocketship.plugins.http.body import BODY_KEYS, build_body, describe_body
from rocketship.plugins.http.client import Request
from rocketship.plugins.http.connection import build_tls, choose_proxy
from rocketship.plugins.http.cookies import new_value
from rocketship.redaction import STARS, is_secret_header
from rocketship.suite.fields import (
    AnyOf,
    Boolean,
    Field,
    Integer,
    ListOf,
    MapOf,
    Scalar,
    Text,
    has_template,
)
from rocketship.values import Json, JsonObject, to_text

USER_AGENT = f"rocketship/{__version__}"
DEFAULT_HEADERS = (("Accept", "*/*"), ("User-Agent", USER_AGENT))
DEFAULT_MAX_REDIRECTS = 10
#: Servers expect these to say how long their body is, even when there is none.
METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
#: Shorter values of secret headers and cookies may be ordinary words; those are hidden in the
#: headers only.
MIN_CREDENTIAL_CHARACTERS = 8
#: What describes the body is worked out from the body; a written value could only contradict it.
COMPUTED_HEADERS = frozenset({"content-length", "transfer-encoding"})

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_IN_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # a tab is allowed
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# What most URLs look like: there is nothing to complain of in them, and nothing to escape.
_ORDINARY = re.compile(
    r"https?://[a-z0-9.-]+(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?/[A-Za-z0-9/_.~-]*"
)
_USERINFO = re.compile(r"//[^/?#]*@")
_PATH_SAFE = "/%:@!$&'()*+,;=[]~"
_QUERY_SAFE = _PATH_SAFE + "?{}|\\^`"

FIELDS = (
    Field("method", Text(empty=False), "The method, as it is sent: GET.", required=True),
    Field("url", Text(), "Where to; may be relative to `base_url`.", required=True),
    Field("base_url", Text(), "What a relative `url` is appended to; meant for `defaults`."),
    Field(
        "query",
        MapOf(AnyOf((ListOf(Scalar()), Scalar()))),
        "Added to the URL; lists repeat, commas in a text stay commas.",
    ),
    Field("headers", MapOf(Scalar(), ignore_case=True), "Headers by name.", default={}),
    Field(
        "follow_redirects",
        AnyOf((Boolean(), Integer(0, 100))),
        "Whether, or how many times; up to 10 by default.",
        default=True,
    ),
    Field(
        "cookies",
        Boolean(),
        "Whether cookies are kept for the test and sent; a `Cookie` header replaces them.",
        default=True,
    ),
)


def build_request(call: Call) -> Request:
    """Return the request of a step, its authorization still missing.

    Raises:
        ConfigError: Method, URL or a header cannot be sent, or a file is not there.
        TemplateError: A template in the body file cannot be filled in.
    """
    config = call.config
    if complaint := method_complaint(config["method"]):
        raise ConfigError(f"method: {complaint}")
    url = build_url(config["url"], config["base_url"], config["query"] or {})
    body = build_body(call)
    if body is not None and config["method"] == "HEAD":
        raise ConfigError("method: a HEAD request has no body", hint="leave the body out")
    content = body.content if body else None
    if content is None and config["method"] in METHODS_WITH_BODY:
        content = b""
    return Request(
        method=config["method"],
        url=url,
        headers=_build_headers(config["headers"], body.content_type if body else None),
        body=content,
        timeout_seconds=config["timeout"],
        connect_timeout_seconds=config["connect_timeout"],
        http_version=config["http_version"],
        tls=build_tls(config, call.files),
        proxy=choose_proxy(url, config["proxy"]),
        certificate="certificate" in call.asserted and url.startswith("https:"),
    )


def max_redirects(config: Mapping[str, Any]) -> int:
    """Return how many redirects a step follows."""
    follow = config["follow_redirects"]
    return follow if not isinstance(follow, bool) else DEFAULT_MAX_REDIRECTS * follow


def build_url(url: str, base_url: str | None, query: Mapping[str, Any]) -> str:
    """Return the absolute, escaped URL of a step.

    Raises:
        ConfigError: It is no http or https URL; the message says why.
    """
    if base_url and not _SCHEME.match(url):
        separator = "" if not url or url.startswith("?") else "/"
        url = base_url.rstrip("/") + separator + url.lstrip("/")
    if complaint := url_complaint(url):
        absolute = base_url or _SCHEME.match(url)
        hint = None if absolute else 'write the whole URL, or set "base_url"'
        raise ConfigError(f"url: {complaint}", hint=hint)
    return escape_url(url, "&".join(_query_pairs(query)))


def _query_pairs(query: Mapping[str, Any]) -> Iterator[str]:
    """Yield the pairs of a query, escaped.

    A text may be a whole list that its author has joined by commas, and who reads such lists splits
    them before decoding (RFC 6570: an escaped comma belongs to a value). So the commas of a text
    stay, as in a `url`; to who reads no list they are the same either way. The entry of a list is
    one value, whose commas are its own and escaped.
    """
    for name, given in query.items():
        values, safe = (given, "") if isinstance(given, list) else ([given], ",")
        for value in values:
            yield f"{quote(name, safe='')}={quote(value, safe=safe, errors='replace')}"


def escape_url(url: str, more_query: str = "") -> str:
    """Return a URL with everything escaped that must be, nothing twice, and without fragment."""
    if not more_query and _ORDINARY.fullmatch(url):
        return url
    parts = urlsplit(url)
    path = quote(parts.path or "/", safe=_PATH_SAFE, errors="replace")
    query = quote(parts.query, safe=_QUERY_SAFE, errors="replace")
    query = "&".join(part for part in (query, more_query) if part)
    authority = parts.netloc
    if not authority.isascii():
        user, at, host = authority.rpartition("@")
        authority = quote(user, safe=":%") + at + _ascii_host(host)
    return urlunsplit((parts.scheme, authority, path, query, ""))


def _ascii_host(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        raise ConfigError(f'url: "{host}" cannot be the name of a host') from None


def url_complaint(url: str) -> str | None:
    """Return why a URL cannot be requested, or None."""
    if _ORDINARY.fullmatch(url):
        return None
    if _CONTROL.search(url):
        return f"{without_userinfo(url)!r} holds a control character"
    scheme = _SCHEME.match(url)
    url = without_userinfo(url)
    if scheme is None:
        return f'"{url}" does not start with http:// or https://'
    if scheme[1].lower() not in ("http", "https"):
        return f'"{url}" is neither http nor https'
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        return f'"{url}" is not a URL: {error}'
    if not named or " " in parts.netloc:
        return f'"{url}" names no usable host'
    return None


def without_userinfo(url: str) -> str:
    """Return a URL fit for messages; what stands before an @ is most likely a password."""
    return _USERINFO.sub(f"//{STARS}@", url)


def method_complaint(method: str) -> str | None:
    """Return why a word cannot be a method, or None."""
    return None if _TOKEN.fullmatch(method) else f'"{method}" is not a method; write one word: GET'


def header_complaint(name: str, value: str) -> str | None:
    """Return why a header cannot be sent, or None. The value is not repeated: it may be secret."""
    if not _TOKEN.fullmatch(name):
        return f'"{name}" is not the name of a header'
    if _CONTROL_IN_HEADER.search(value):
        return f"{name} has a line break or control character in its value"
    return None


def _build_headers(
    headers: Mapping[str, str], content_type: str | None
) -> tuple[tuple[str, str], ...]:
    built: list[tuple[str, str]] = []
    for name, value in headers.items():
        if complaint := header_complaint(name, value):
            raise ConfigError(f"headers: {complaint}")
        if name.lower() not in COMPUTED_HEADERS:
            built.append((canonical(name), value.strip(" \t")))
    given = {name for name, _ in built}
    added = [*DEFAULT_HEADERS, *([("Content-Type", content_type)] if content_type else [])]
    return (*built, *((name, value) for name, value in added if name not in given))


@lru_cache(maxsize=1024)
def canonical(name: str) -> str:
    """Return a header name as it is usually written: `X-Custom-Header`."""
    return "-".join(word.capitalize() for word in name.split("-"))


def findings(config: Mapping[str, Json]) -> Iterator[Finding]:
    """Yield what is wrong with a configuration as written, as far as nothing is left to render."""
    method, url = config.get("method"), config.get("url")
    if isinstance(method, str) and not has_template(method):
        if complaint := method_complaint(method):
            yield Finding(("method",), complaint)
        elif method == "HEAD" and any(config.get(key) for key in BODY_KEYS):
            yield Finding(("method",), "a HEAD request has no body", "leave the body out")
    literal_url = isinstance(url, str) and not has_template(url) and not config.get("base_url")
    if literal_url and (complaint := url_complaint(str(url))):
        yield Finding(("url",), complaint)
    headers = config.get("headers")
    for name, value in headers.items() if isinstance(headers, dict) else ():
        literal = "x" if has_template(name) else name
        text = "" if has_template(value) or isinstance(value, list | dict) else to_text(value)
        if complaint := header_complaint(literal, text):
            yield Finding(("headers", name), complaint)


def describe_headers(headers: Iterable[tuple[str, str]]) -> JsonObject:
    """Return headers for reports: usual spelling, repeated ones joined, secret ones starred."""
    shown: dict[str, str] = {}
    for name, value in headers:
        key = canonical(name)
        text = STARS if is_secret_header(key) else value
        shown[key] = f"{shown[key]}, {text}" if key in shown and text != STARS else text
    return {**shown}


def header_secrets(headers: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the credentials in secret headers, which either side may repeat anywhere."""
    for name, value in headers:
        if is_secret_header(name):
            yield from credentials(_secret_values(name.lower(), value))


def _secret_values(name: str, value: str) -> list[str]:
    if name == "cookie":
        return [pair.partition("=")[2].strip() for pair in value.split(";")]
    if name == "set-cookie":
        return [new_value(value)]
    return [value.partition(" ")[2] or value]


def credentials(values: Iterable[str]) -> Iterator[str]:
    """Yield the values that are long enough to be credentials, also as servers unescape them."""
    for value in values:
        for text in (value, unquote(value)) if "%" in value else (value,):
            if len(text) >= MIN_CREDENTIAL_CHARACTERS:
                yield text


def describe_request(request: Request) -> JsonObject:
    """Return what reports show of a request."""
    content_type = dict(request.headers).get("Content-Type", "")
    return {
        "method": request.method,
        "url": request.url,
        "headers": describe_headers(request.headers),
        **describe_body(request.body or b"", content_type),
    }
