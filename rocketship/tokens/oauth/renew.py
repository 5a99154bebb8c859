"""Renewing a login, and ending it.

Issuers that rotate refresh tokens take each of them once, and may end the whole login when one is
shown twice. So only one process renews at a time, and the others take what it has got.
"""

from __future__ import annotations

from collections.abc import Callable

from rocketship.errors import RocketshipError, Unauthenticated
from rocketship.tokens.clock import Clock
from rocketship.tokens.login import Login
from rocketship.tokens.logins import Logins
from rocketship.tokens.oauth.client import Unanswered, is_loopback, oauth_client
from rocketship.tokens.oauth.grant import with_grant


def renew(
    logins: Logins, profile: str, shown: Login, clock: Clock, *, ca_cert: str = ""
) -> Login | None:
    """Return the login with another access token; None when there is no way to get one.

    Args:
        logins: Where the login is kept.
        profile: Whose login it is.
        shown: The login as it was when its access token was found to be of no use.
        clock: Tells when the new token ends.
        ca_cert: Path of certificates to trust besides the system's.

    Raises:
        Unauthenticated: The issuer has ended the login, or it is gone.
        Infrastructure: The issuer does not answer as it should.
    """
    with logins.locked(profile):
        kept = logins.load(profile)
        if kept is None or kept.binding != shown.binding:
            raise Unauthenticated(f'the login of the profile "{profile}" is gone')
        if kept.access_token != shown.access_token:
            return kept  # another process has been faster
        if not kept.refresh_token:
            return None
        renewed = _ask(kept, clock, ca_cert)
        logins.save(profile, renewed)
        return renewed


def _ask(login: Login, clock: Clock, ca_cert: str) -> Login:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": login.refresh_token,
        "client_id": login.client_id,
    }
    with oauth_client(ca_cert, loopback=is_loopback(login.token_endpoint)) as client:
        answer = client.post(login.token_endpoint, form)
    if answer.error:
        why = answer.description or answer.error
        raise Unauthenticated(f"{login.issuer} does not renew the login: {why}")
    return with_grant(login, answer, clock.now())


def revoke(login: Login, *, ca_cert: str = "") -> str:
    """Make the tokens of a login worthless; return why that is not possible, else nothing."""
    if not login.revocation_endpoint:
        return f"{login.issuer} has no way to revoke tokens"
    kinds = (("refresh_token", login.refresh_token), ("access_token", login.access_token))
    why = ""
    try:
        with oauth_client(ca_cert, loopback=is_loopback(login.revocation_endpoint)) as client:
            for kind, token in kinds:
                if not token:
                    continue
                form = {"token": token, "token_type_hint": kind, "client_id": login.client_id}
                answer = client.post(login.revocation_endpoint, form)
                # Few issuers can revoke access tokens of this kind; they end soon by themselves.
                if answer.error and kind == "refresh_token":
                    why = answer.description or answer.error
    except RocketshipError as error:
        why = error.message
    return why


def usable_token(
    logins: Logins,
    profile: str,
    login: Login,
    clock: Clock,
    warn: Callable[[str], None],
    *,
    ca_cert: str = "",
) -> Login:
    """Return a login whose access token can be shown, renewed when it is about to end.

    Raises:
        Unauthenticated: It has ended and there is no way to renew it.
        Infrastructure: The issuer is needed and does not answer.
    """
    now = clock.now()
    if not login.ending(now):
        return login
    try:
        renewed = renew(logins, profile, login, clock, ca_cert=ca_cert)
    except Unanswered as error:
        if login.expired(now):
            raise
        warn(f"the login ends soon and cannot be renewed now: {error.message}")
        return login
    if renewed is None and login.expired(now):
        raise Unauthenticated("the login has ended")
    return renewed or login
