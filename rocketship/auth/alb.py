"""What an AWS Application Load Balancer says about a person it has logged in: `x-amzn-oidc-data`.

It looks like a JWT and is none: its parts keep the padding of base64, the signature covers it, and
what is to be checked is in the header. So it is verified by hand. Where keys are fetched from never
depends on what was sent, except for the name of the key, which has a strict shape.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rocketship.auth.caller import MAX_TOKEN_BYTES, NAME_CLAIMS, Kind, Principal, caller_name
from rocketship.auth.fetch import fetch
from rocketship.errors import Unauthenticated, Unavailable
from rocketship.settings.auth import AlbSettings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

LEEWAY_SECONDS = 60
#: Keys change rarely, and there is one at a time.
MAX_KEYS = 16
#: Anybody can make up names of keys; the key server is not asked for more of them.
MAX_FETCHES = 10
FETCHES_SECONDS = 60.0
COORDINATE_BYTES = 32
_KEY_NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PART = re.compile(r"[A-Za-z0-9_-]+={0,2}")


def key_server(region: str) -> str:
    """Return where the load balancers of a region publish their keys."""
    if region.startswith("us-gov-"):
        return f"https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}"
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"https://public-keys.auth.elb.{region}.amazonaws.com{suffix}"


class AlbVerifier:
    """Knows the word of some load balancers.

    Args:
        keys_url: Where keys are fetched from; only tests need another place than the region's.
        clock: Seconds since 1970.
    """

    def __init__(
        self, settings: AlbSettings, keys_url: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._keys_url = keys_url or key_server(settings.region)
        self._clock = clock
        self._keys: OrderedDict[str, EllipticCurvePublicKey] = OrderedDict()
        self._fetches: deque[float] = deque(maxlen=MAX_FETCHES)

    async def verify(self, token: str) -> Principal:
        """Return who was logged in.

        Raises:
            Unauthenticated: It is not the word of one of the load balancers; the message says why.
            Unavailable: Their keys cannot be fetched.
        """
        parts = token.split(".")
        if len(token) > MAX_TOKEN_BYTES or len(parts) != 3:
            raise _bad("cannot be read")
        header = _object(parts[0])
        expires_at = self._check(header)
        key = await self._key(header["kid"])
        if not _is_signed(key, f"{parts[0]}.{parts[1]}".encode(), parts[2]):
            raise _bad("has a wrong signature")
        claims = _object(parts[1])
        if claims.get("iss", self._settings.issuer) != self._settings.issuer:
            raise _bad("is from another provider")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise _bad("names nobody")
        return Principal(Kind.USER, caller_name(claims, NAME_CLAIMS), claims, expires_at)

    def _check(self, header: dict[str, Any]) -> float:
        """Check everything that can be checked before a key is looked for; return when it ends."""
        settings = self._settings
        if header.get("alg") != "ES256" or "crit" in header:
            raise _bad("is not signed with ES256")
        if header.get("signer") not in settings.arns:
            raise _bad("is from another load balancer")
        if header.get("client") != settings.client_id:
            raise _bad("is for another client")
        if header.get("iss") != settings.issuer:
            raise _bad("is from another provider")
        expires_at = header.get("exp")
        if isinstance(expires_at, bool) or not isinstance(expires_at, int):
            raise _bad("does not say when it ends")
        if expires_at <= self._clock() - LEEWAY_SECONDS:
            raise _bad("has expired")
        name = header.get("kid")
        if not isinstance(name, str) or not _KEY_NAME.fullmatch(name):
            raise _bad("names a key in a form that no load balancer does")
        return float(min(expires_at, 2**40))

    async def _key(self, name: str) -> EllipticCurvePublicKey:
        if name in self._keys:
            return self._keys[name]
        now = self._clock()
        if len(self._fetches) == MAX_FETCHES and now - self._fetches[0] < FETCHES_SECONDS:
            raise Unavailable("too many keys of load balancers were asked for", hint="try again")
        self._fetches.append(now)
        document = await fetch(f"{self._keys_url}/{name}")
        if document.status != 200:
            raise _bad("is signed with a key that is not published")
        self._keys[name] = key = _read_key(document.body)
        if len(self._keys) > MAX_KEYS:
            self._keys.popitem(last=False)
        return key


def _read_key(pem: bytes) -> EllipticCurvePublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise Unavailable("the key server of the load balancers answers with something else")
    return key


def _is_signed(key: EllipticCurvePublicKey, text: bytes, part: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    signature = _bytes(part)
    if len(signature) != 2 * COORDINATE_BYTES:
        return False
    halves = signature[:COORDINATE_BYTES], signature[COORDINATE_BYTES:]
    encoded = encode_dss_signature(*(int.from_bytes(half) for half in halves))
    try:
        key.verify(encoded, text, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(part))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _bad("cannot be read")
    return found


def _bytes(part: str) -> bytes:
    """Return what is encoded, with padding or without, which stays as it is in what is signed."""
    if not _PART.fullmatch(part):
        raise _bad("cannot be read")
    text = part.rstrip("=")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise _bad("cannot be read") from None


def _bad(what: str) -> Unauthenticated:
    return Unauthenticated(f"what the load balancer says about who is calling {what}")
