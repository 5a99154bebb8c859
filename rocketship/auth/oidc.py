"""Access tokens of an identity provider: JWTs, verified here without asking the provider."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    JoseError,
    MissingClaimError,
    SecurityWarning,
)
from joserfc.jws import JWSRegistry, extract_compact
from joserfc.jwt import JWTClaimsRegistry, decode

from rocketship.auth.caller import NAME_CLAIMS, Kind, Principal, caller_name
from rocketship.errors import Unauthenticated
from rocketship.settings.auth import OidcSettings

#: How long a verified token is believed without another look: what its provider takes back may
#: still be used for so long.
CACHE_SECONDS = 60.0
CACHE_TOKENS = 4096
#: What a JWT may call itself; others are for other purposes.
_TYPES = ("", "jwt", "at+jwt", "application/at+jwt", "application/jwt")
#: The type and the curve of the key an algorithm needs.
_NEEDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", "")),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
#: Later than any date that means something.
_MAX_TIME = 2.0**40


class Keys(Protocol):
    """Where keys are found."""

    async def key(self, name: str | None) -> Any:
        """Return the key of a name; see `KeyCache.key`."""


class OidcVerifier:
    """Knows the tokens of one issuer for one audience.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(
        self, settings: OidcSettings, keys: Keys, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        claim = settings.username_claim
        self._names = (claim, "sub") if claim else NAME_CLAIMS

    async def verify(self, token: str) -> Principal:
        """Return whose token it is.

        Raises:
            Unauthenticated: It is not a good token of the issuer; the message says why.
            Unavailable: The issuer's keys are not known.
        """
        digest, now = hashlib.sha256(token.encode()).digest(), self._clock()
        known = self._known.get(digest)
        if known is not None and now < known[0]:
            return known[1]
        header = _header(token)
        algorithm = self._algorithm(header)
        key = await self._keys.key(_key_name(header))
        _check_key(key, algorithm)
        claims = self._claims(_decode(token, key, algorithm))
        expires_at = float(min(claims["exp"], _MAX_TIME))
        principal = Principal(Kind.USER, caller_name(claims, self._names), claims, expires_at)
        self._remember(digest, principal, min(expires_at, now + CACHE_SECONDS))
        return principal

    def _algorithm(self, header: dict[str, Any]) -> str:
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._settings.allowed_algs:
            raise Unauthenticated(f"the token's algorithm {_shown(algorithm)} is not allowed")
        if "crit" in header:
            raise Unauthenticated("the token has critical extensions, and none is understood")
        kind = header.get("typ", "")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise Unauthenticated(f"a token of type {_shown(kind)} is not an access token")
        return algorithm

    def _claims(self, claims: dict[str, Any]) -> dict[str, Any]:
        settings = self._settings
        registry = JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=settings.leeway_seconds,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "values": [settings.audience]},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except ExpiredTokenError:
            raise Unauthenticated("the token has expired", hint="log in again") from None
        except MissingClaimError as error:
            raise Unauthenticated(f"the token lacks claims: {error.claim}") from None
        except ClaimError as error:
            raise Unauthenticated(
                f'the token\'s claim "{error.claim}" is not what is expected',
                hint=_CLAIM_HINTS.get(error.claim),
            ) from None
        return claims

    def _remember(self, digest: bytes, principal: Principal, until: float) -> None:
        self._known[digest] = (until, principal)
        self._known.move_to_end(digest)
        if len(self._known) > CACHE_TOKENS:
            self._known.popitem(last=False)


_CLAIM_HINTS = {
    "aud": "the token is for another API: ask the provider for one with this engine's audience",
    "iss": "the token is from another provider than this engine's",
    "nbf": "the token is not valid yet: compare the clocks",
    "iat": "the token is from the future: compare the clocks",
}


def _header(token: str) -> dict[str, Any]:
    if token.count(".") != 2:
        hint = "set up an API with an audience at the provider, so that access tokens are JWTs"
        raise Unauthenticated("the token is not a JWT", hint=hint)
    try:
        header = extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise Unauthenticated("the token cannot be read")
    return header


def _key_name(header: dict[str, Any]) -> str | None:
    name = header.get("kid")
    if name is not None and not isinstance(name, str):
        raise Unauthenticated("the token's key has a name that is no text")
    return name


def _check_key(key: Any, algorithm: str) -> None:
    kind, curve = _NEEDS[algorithm]
    fits = key.key_type == kind and (not curve or key.curve_name == curve)
    if not fits or (key.alg is not None and key.alg != algorithm):
        raise Unauthenticated("the token's key does not match its algorithm")


def _decode(token: str, key: Any, algorithm: str) -> dict[str, Any]:
    """Return the claims under a good signature."""
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        if algorithm == "EdDSA":
            # Its name is deprecated, not its use, and providers go on using it.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SecurityWarning)
                return decode(token, key, registry=registry).claims
        return decode(token, key, registry=registry).claims
    except BadSignatureError:
        raise Unauthenticated("the token's signature is wrong") from None
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Unauthenticated("the token cannot be read") from None


def _shown(value: object) -> str:
    return json.dumps(str(value)[:40])
