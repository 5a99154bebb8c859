"""What an issuer grants, made into a login; and who somebody is, as far as tokens tell."""

from __future__ import annotations

import base64
from dataclasses import replace

from rocketship.errors import Refused
from rocketship.run.printable import printable
from rocketship.tokens.login import Login, parse_json
from rocketship.tokens.oauth.client import Answer
from rocketship.tokens.text import check_token

_NAMES = ("email", "preferred_username", "name", "sub")


def with_grant(login: Login, answer: Answer, now: float) -> Login:
    """Return a login with the tokens of an answer; what it leaves out stays as it was.

    Raises:
        Refused: The answer has no token that can be used.
    """
    kind = answer.text("token_type").lower()
    if kind not in ("bearer", ""):
        raise Refused(f'{login.issuer} gave a token of the kind "{printable(kind)}", not Bearer')
    access = check_token(answer.text("access_token"), f"the answer of {login.issuer}")
    lifetime = answer.seconds("expires_in") or 0.0
    scope = answer.text("scope")
    return replace(
        login,
        access_token=access,
        refresh_token=answer.text("refresh_token") or login.refresh_token,
        expires_at=now + lifetime if lifetime else 0.0,
        lifetime_seconds=lifetime,
        scopes=tuple(scope.split()) if scope else login.scopes,
        identity=_identity(answer.text("id_token")) or _identity(access) or login.identity,
    )


def _identity(token: str) -> str:
    """Return a name out of a token's claims, unverified: it is shown and nothing else."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        raw = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    except ValueError:
        return ""
    claims = parse_json(raw)
    if not isinstance(claims, dict):
        return ""
    found = (claims.get(name) for name in _NAMES)
    return next((printable(name)[:100] for name in found if isinstance(name, str) and name), "")
