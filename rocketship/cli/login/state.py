"""Whether somebody is logged in to an engine, as `status`, `profile show` and `doctor` tell it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from rocketship.cli.connection.tokens import VARIABLE, logins_of
from rocketship.cli.console import Console
from rocketship.dataclass import dataclass
from rocketship.profiles.resolve import Target
from rocketship.run.printable import printable
from rocketship.values import format_duration

if TYPE_CHECKING:
    from rocketship.client.discovery import ServerInfo
    from rocketship.tokens.login import Login


@dataclass(frozen=True, slots=True)
class LoginState:
    """What is known of the caller at one engine.

    Attributes:
        profile: The profile in use; empty when an address was given by itself.
        server: The engine's address; empty for one in the process of the command.
        auth_mode: What the engine asks for: none, token, oidc or unknown.
        needed: Whether it asks at all; None when it could not be asked.
        source: The option or variable a token is from; empty when there is none.
        login: The stored login, if it is for this engine.
        store: Where it is stored.
        other: Whom a stored login is for, when it is of no use here.
        now: When this was found out, in seconds since 1970.
    """

    profile: str
    server: str
    auth_mode: str
    needed: bool | None
    source: str
    login: Login | None
    store: str
    other: str
    now: float

    @property
    def logged_in(self) -> bool:
        """Whether there is a token to show, now or after renewing it."""
        return bool(self.source) or (self.login is not None and self.login.usable(self.now))

    @property
    def satisfied(self) -> bool:
        """Whether commands can be expected to work: logged in, or no need to be."""
        return self.logged_in or self.needed is False

    @property
    def expiry(self) -> str:
        """When the access token ends, for people."""
        if self.login is None or not self.login.expires_at:
            return "not told"
        left = self.login.expires_at - self.now
        if left > 0:
            return f"in {format_duration(left)}"
        return f"{format_duration(-left)} ago"

    @property
    def summary(self) -> str:
        """The state in a few words."""
        if self.source:
            return f"token from {self.source}"
        if self.login is None:
            return "not needed" if self.needed is False else "not logged in"
        who = f" as {printable(self.login.identity)}" if self.login.identity else ""
        if not self.login.usable(self.now):
            return f"expired {self.expiry}, was logged in{who}"
        if self.login.refresh_token or not self.login.expires_at:
            return f"logged in{who}"
        return f"logged in{who}, ends {self.expiry}"

    @property
    def hint(self) -> str:
        """What to do, when something has to be done."""
        if self.satisfied:
            return ""
        if self.auth_mode == "token":
            return f"set {VARIABLE}, or give --token-file"
        if not self.profile:
            return f"set {VARIABLE}, or make a profile of the address to log in"
        return f"rocketship login --profile {self.profile}"


def login_state(console: Console, target: Target, info: ServerInfo | None) -> LoginState:
    """Return what is known; `info` is None when the engine could not be asked.

    Raises:
        UsageError: The address of the target is none.
        SettingsError: A setting about logins cannot be used.
    """
    name, server = target.profile.name, _address(target)
    login, store = None, ""
    if name:
        logins = logins_of(console)
        login = logins.load(name)
        store = logins.describe(name) if login else ""
    other = _other(login, server, info) if login else ""
    source = target.token_file or (VARIABLE if os.environ.get(VARIABLE) else "")
    return LoginState(
        profile=name,
        server=server,
        auth_mode=_mode(target, info),
        needed=_needed(target, info),
        source=source,
        login=None if other else login,
        store="" if other else store,
        other=other,
        now=time.time(),
    )


def facts(state: LoginState) -> list[tuple[str, str]]:
    """Return the state as labels and texts; what is not known is left out."""
    login = state.login
    rows = [
        ("Profile", state.profile or "none"),
        ("Server", state.server or "an engine in the process of each command"),
        ("Auth", state.auth_mode),
        ("Login", state.summary),
        ("Other Login", state.other),
    ]
    if login is not None:
        rows += [
            ("Identity", login.identity or "not told"),
            ("Issuer", login.issuer),
            ("Audience", login.audience or "not told"),
            ("Scopes", " ".join(login.scopes) or "none"),
            ("Expiry", state.expiry),
            ("Refresh Token", "present" if login.refresh_token else "absent"),
            ("Stored In", state.store),
        ]
    return [(label, printable(text)) for label, text in rows if text]


def as_json(state: LoginState) -> dict[str, Any]:
    """Return the state as a JSON object, without any token."""
    login = state.login
    return {
        "profile": state.profile or None,
        "server": state.server or None,
        "auth_mode": state.auth_mode,
        "needed": state.needed,
        "logged_in": state.logged_in,
        "token_source": state.source or None,
        "identity": (login.identity or None) if login else None,
        "issuer": login.issuer if login else None,
        "audience": (login.audience or None) if login else None,
        "scopes": list(login.scopes) if login else [],
        "expires_at": _timestamp(login.expires_at) if login else None,
        "expired": login.expired(state.now) if login else None,
        "refresh_token": bool(login.refresh_token) if login else False,
        "store": state.store or None,
    }


def _timestamp(seconds: float) -> str | None:
    from datetime import UTC, datetime

    if not seconds:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _address(target: Target) -> str:
    from rocketship.client.address import parse_address

    return str(parse_address(target.profile.engine)) if target.profile.engine else ""


def _other(login: Login, server: str, info: ServerInfo | None) -> str:
    """Return what a login is for, when that is not this engine as it is now."""
    if login.server != server:
        return f"for the engine at {login.server}"
    if info and info.issuer and info.issuer != login.issuer:
        return f"of the issuer {login.issuer}"
    if info and info.audience and info.audience != login.audience:
        return f"for the audience {login.audience or 'of nobody'}"
    return ""


def _mode(target: Target, info: ServerInfo | None) -> str:
    if not target.profile.engine:
        return "none"
    return info.auth_type if info and info.source else "unknown"


def _needed(target: Target, info: ServerInfo | None) -> bool | None:
    if not target.profile.engine:
        return False
    return info.asked.needed if info else None
