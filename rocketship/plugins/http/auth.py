"""Who a request is from: basic, bearer, digest, OAuth 2 client credentials, or an AWS signature.

Basic, bearer and OAuth become an `Authorization` header here; digest and AWS signatures depend on
what goes over the wire, so the client makes them.
"""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any
from urllib.parse import quote_plus, unquote, urlsplit, urlunsplit

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError, ConnectionFailed
from rocketship.plugins.http.body import encode_form
from rocketship.plugins.http.client import AwsScope, Credentials, HttpClient, Reply, Request
from rocketship.plugins.http.connection import choose_proxy
from rocketship.plugins.http.request import DEFAULT_HEADERS, build_url
from rocketship.suite.fields import Choice, Field, Object, Text
from rocketship.values import Json

#: A token is fetched anew this long before it ends, so that it does not end on its way.
TOKEN_MARGIN_SECONDS = 30.0
#: How long a token is used whose server does not say how long it is valid.
DEFAULT_TOKEN_SECONDS = 300.0


def _needed(name: str, doc: str, *, secret: bool = False) -> Field:
    return Field(name, Text(empty=False), doc, required=True, secret=secret)


_PASSWORD = (
    Field("username", Text(), "The user's name.", required=True),
    Field("password", Text(), "The user's password.", required=True, secret=True),
)
_OAUTH2 = Object(
    _needed("token_url", "Where tokens are issued."),
    _needed("client_id", "The client's name."),
    _needed("client_secret", "The client's secret.", secret=True),
    Field("scope", Text(), "The scopes to ask for, separated by spaces."),
    Field("audience", Text(), "Whom the token is for, where the server wants to know."),
    Field(
        "send_credentials",
        Choice(("header", "body")),
        "How the token server learns id and secret.",
        default="header",
    ),
)
_AWS = Object(
    _needed("access_key", "The id of the access key."),
    _needed("secret_key", "The secret of the access key.", secret=True),
    Field("session_token", Text(), "The token of temporary credentials.", secret=True),
    _needed("region", "The region: eu-west-1."),
    _needed("service", "The service: execute-api, s3."),
)
AUTH = Object(
    Field("basic", Object(*_PASSWORD), "User name and password in a header."),
    Field("bearer", Text(empty=False), "A token.", secret=True),
    Field("digest", Object(*_PASSWORD), "User name and password as answer to a challenge."),
    Field("oauth2", _OAUTH2, "A token fetched with client credentials, and kept until it ends."),
    Field("aws_sigv4", _AWS, "An AWS signature, version 4."),
    exactly_one=[("basic", "bearer", "digest", "oauth2", "aws_sigv4")],
)
FIELDS = (Field("auth", AUTH, "Who the request is from; an `Authorization` header replaces it."),)


@dataclass(frozen=True, slots=True)
class Authorized:
    """A request that says who it is from, and the texts in it that must never be shown."""

    request: Request
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    ends_at: float


@dataclass(slots=True)
class _Slot:
    """The token of one set of credentials; the lock lets one step fetch while the others wait."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: _Token | None = None


class Authorizer:
    """Adds credentials to requests; keeps fetched tokens for the life of an event loop."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._slots: dict[tuple[Json, ...], _Slot] = {}

    async def authorize(self, request: Request, config: Mapping[str, Any]) -> Authorized:
        """Return the request with the credentials of its URL or of the step's `auth` block.

        Raises:
            ConfigError: The credentials cannot be used, or the token server refuses them.
            ConnectionFailed, StepTimeout: The token server does not answer as it should.
        """
        request, url_password = _without_userinfo(request)
        if any(name == "Authorization" for name, _ in request.headers):
            return Authorized(request)
        if url_password is not None:
            return _with_basic(request, url_password)
        auth = config["auth"]
        if not auth:
            return Authorized(request)
        kind, settings = next((name, value) for name, value in auth.items() if value is not None)
        if kind == "basic":
            return _with_basic(request, Credentials(settings["username"], settings["password"]))
        if kind == "bearer":
            return _with_token(request, settings)
        if kind == "oauth2":
            return _with_token(request, await self._token(request, settings, config["proxy"]))
        if kind == "digest":
            credentials = Credentials(settings["username"], settings["password"])
            return Authorized(replace(request, credentials=credentials))
        return _with_aws(request, settings)

    def forget(self, config: Mapping[str, Any]) -> None:
        """Drop a fetched token that a server refused, so that the next attempt fetches another."""
        auth = config["auth"]
        if auth and auth["oauth2"] is not None:
            slot = self._slots.get(tuple(auth["oauth2"].values()))
            if slot is not None:
                slot.token = None

    async def _token(self, request: Request, settings: Mapping[str, Any], proxy: str | None) -> str:
        slot = self._slots.setdefault(tuple(settings.values()), _Slot())
        async with slot.lock:
            if slot.token is None or slot.token.ends_at <= time.monotonic():
                reply = await self._client.send(_token_request(request, settings, proxy))
                slot.token = _read_token(reply, settings["token_url"])
            return slot.token.value


def _without_userinfo(request: Request) -> tuple[Request, Credentials | None]:
    if "@" not in request.url:
        return request, None
    parts = urlsplit(request.url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return request, None
    username, _, password = userinfo.partition(":")
    url = urlunsplit(parts._replace(netloc=host))
    return replace(request, url=url), Credentials(unquote(username), unquote(password))


def _with_basic(request: Request, credentials: Credentials) -> Authorized:
    if ":" in credentials.username:
        raise ConfigError("auth.basic.username: must not hold a colon")
    pair = f"{credentials.username}:{credentials.password}".encode(errors="replace")
    encoded = b64encode(pair).decode()
    secrets = (encoded, credentials.password)
    return Authorized(_with_header(request, "Authorization", f"Basic {encoded}"), secrets)


def _with_token(request: Request, token: str) -> Authorized:
    if not token.isprintable() or " " in token:
        raise ConfigError("auth: the token holds white space or control characters")
    return Authorized(_with_header(request, "Authorization", f"Bearer {token}"), (token,))


def _with_aws(request: Request, settings: Mapping[str, Any]) -> Authorized:
    credentials = Credentials(settings["access_key"], settings["secret_key"])
    scope = AwsScope(settings["region"], settings["service"])
    signed = replace(request, credentials=credentials, aws_scope=scope)
    if settings["session_token"]:
        signed = _with_header(signed, "X-Amz-Security-Token", settings["session_token"])
    return Authorized(signed)


def _with_header(request: Request, name: str, value: str) -> Request:
    return replace(request, headers=(*request.headers, (name, value)))


def _token_request(request: Request, settings: Mapping[str, Any], proxy: str | None) -> Request:
    """Return the request for a token; it reaches the token server as the step reaches its own."""
    url = build_url(settings["token_url"], None, {})
    form = {"grant_type": "client_credentials"}
    form.update({name: settings[name] for name in ("scope", "audience") if settings[name]})
    headers = [*DEFAULT_HEADERS, ("Content-Type", "application/x-www-form-urlencoded")]
    if settings["send_credentials"] == "body":
        form.update(client_id=settings["client_id"], client_secret=settings["client_secret"])
    else:
        pair = f"{quote_plus(settings['client_id'])}:{quote_plus(settings['client_secret'])}"
        headers.append(("Authorization", f"Basic {b64encode(pair.encode()).decode()}"))
    return Request(
        method="POST",
        url=url,
        headers=tuple(headers),
        body=encode_form({**form}).encode(),
        timeout_seconds=request.timeout_seconds,
        connect_timeout_seconds=request.connect_timeout_seconds,
        tls=request.tls,
        proxy=choose_proxy(url, proxy),
    )


def _read_token(reply: Reply, url: str) -> _Token:
    try:
        answer = json.loads(reply.body)
    except ValueError:
        answer = None
    answer = answer if isinstance(answer, dict) else {}
    token = answer.get("access_token")
    if isinstance(token, str) and token:
        seconds = answer.get("expires_in")
        valid = float(seconds) if isinstance(seconds, int | float) else DEFAULT_TOKEN_SECONDS
        return _Token(token, time.monotonic() + max(0.0, valid - TOKEN_MARGIN_SECONDS))
    words = [answer.get("error"), answer.get("error_description")]
    why = ": ".join(word for word in words if isinstance(word, str)) or "no access_token in it"
    message = f"auth.oauth2: {url} answered {reply.status}: {why}"
    if 400 <= reply.status < 500:
        raise ConfigError(message, hint='check "client_id", "client_secret" and "scope"')
    raise ConnectionFailed(message)
