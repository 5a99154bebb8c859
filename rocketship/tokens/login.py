"""A login: the tokens, whom they are for, and how long they last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any

from rocketship.dataclass import dataclass

#: How long before its end a token is renewed; of a short-lived one at most half its life.
RENEW_BEFORE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Login:
    """What a person got from an issuer of tokens, for one engine and no other.

    Attributes:
        server: The address of the engine the tokens may be sent to.
        issuer: Who gave the tokens; only there the refresh token is ever sent.
        audience: What the engine asked the tokens to be for; empty when it did not say.
        client_id: As which client of the issuer.
        token_endpoint: Where tokens are renewed.
        revocation_endpoint: Where tokens are revoked; empty when they cannot be.
        access_token: What the engine is shown.
        refresh_token: What it is renewed with; empty when it cannot be.
        expires_at: When the access token ends, in seconds since 1970; 0 when nobody said.
        lifetime_seconds: How long it lasts from its beginning; 0 when nobody said.
        scopes: What it permits.
        identity: Who the person is, for people to read; never a reason to trust anything.
    """

    server: str
    issuer: str
    audience: str
    client_id: str
    token_endpoint: str
    revocation_endpoint: str = ""
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: float = 0.0
    lifetime_seconds: float = 0.0
    scopes: tuple[str, ...] = ()
    identity: str = ""

    @property
    def binding(self) -> tuple[str, str, str]:
        """What the tokens belong to: issuer, audience and engine."""
        return self.issuer, self.audience, self.server

    def expired(self, now: float) -> bool:
        """Whether the access token has ended."""
        return bool(self.expires_at) and now >= self.expires_at

    def ending(self, now: float) -> bool:
        """Whether it is time to renew the access token."""
        before = min(RENEW_BEFORE_SECONDS, self.lifetime_seconds / 2)
        return bool(self.expires_at) and now >= self.expires_at - before

    def usable(self, now: float) -> bool:
        """Whether the engine can be shown a token, now or after renewing it."""
        return bool(self.refresh_token) or not self.expired(now)


def to_json(login: Login) -> dict[str, Any]:
    """Return a login as a JSON object."""
    values = {item.name: getattr(login, item.name) for item in fields(Login)}
    return {**values, "scopes": list(login.scopes)}


def from_json(document: Any) -> Login | None:
    """Return the login of a JSON object, or None when it is none; unknown members are dropped."""
    if not isinstance(document, Mapping):
        return None
    defaults = Login("", "", "", "", "")
    values: dict[str, Any] = {}
    for item in fields(Login):
        value = document.get(item.name, getattr(defaults, item.name))
        if item.name == "scopes":
            value = tuple(str(scope) for scope in value) if isinstance(value, list | tuple) else ()
        elif isinstance(getattr(defaults, item.name), float):
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
        elif not isinstance(value, str):
            return None
        values[item.name] = value
    return Login(**values) if values["server"] and values["access_token"] else None


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text, or None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
