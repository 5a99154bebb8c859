"""The keys an identity provider signs with, at hand without asking it for every token.

They are fetched anew in the background, as often as the provider wants within limits. A token
signed with an unknown key may be the first after a change of keys, so it is worth asking at once,
but not for everybody who makes up the name of a key. A provider that is down is no reason to turn
its users away for a while.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from rocketship.auth.authenticator import PATIENCE_SECONDS
from rocketship.auth.fetch import Document
from rocketship.errors import RocketshipError, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    PublicKey = RSAKey | ECKey | OKPKey

log = logging.getLogger(__name__)

MIN_AGE_SECONDS = 5 * 60.0
MAX_AGE_SECONDS = 24 * 3600.0
#: When the provider does not say how long its keys are good for.
DEFAULT_AGE_SECONDS = 15 * 60.0
#: How long keys are used after they are due, when newer ones cannot be fetched.
STALE_SECONDS = 24 * 3600.0
#: Between two questions for keys nobody has heard of.
UNKNOWN_KEY_SECONDS = 30.0
#: After a failure, before the next try.
RETRY_SECONDS = 10.0
MAX_KEYS = 100
MIN_RSA_BITS = 2048
_KEY_TYPES = ("RSA", "EC", "OKP")
_NEVER = float("-inf")


class KeyCache:
    """The keys of one provider.

    Args:
        fetch: Asks the provider for its JWK set; raises RocketshipErrors.
        clock: Seconds, from any point in time on.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[Document]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str | None, PublicKey] = {}
        self._tried_at = self._due_at = self._good_until = _NEVER
        self._running: asyncio.Task[None] | None = None
        self.failure: RocketshipError | None = None

    async def key(self, name: str | None) -> PublicKey:
        """Return the key of a name; without a name, the only key there is.

        Raises:
            Unauthenticated: There is no such key.
            Unavailable: The provider has not told its keys, or too long ago.
        """
        now = self._clock()
        if not self._usable(now):
            await self._refresh_after(RETRY_SECONDS)
        elif now >= self._due_at:
            self._start()
        if not self._usable(self._clock()):
            raise Unavailable("the identity provider does not answer", hint="try again in a moment")
        if self._find(name) is None:
            await self._refresh_after(UNKNOWN_KEY_SECONDS)
        found = self._find(name)
        if found is None:
            raise Unauthenticated("the token is signed with a key the issuer does not have")
        return found

    async def refresh(self) -> None:
        """Fetch the keys now; `failure` tells how that went. Everybody who waits shares one try."""
        await asyncio.shield(self._start())

    async def keep_fresh(self) -> None:
        """Fetch the keys again and again, whenever they are due, until cancelled."""
        while True:
            await asyncio.sleep(max(self._due_at - self._clock(), 0))
            await self.refresh()

    async def close(self) -> None:
        """Give up what is still being fetched."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    def _usable(self, now: float) -> bool:
        return bool(self._keys) and now < self._good_until

    def _find(self, name: str | None) -> PublicKey | None:
        if name is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(name)

    async def _refresh_after(self, seconds: float) -> None:
        """Wait for the try that goes on; begin one if the last is long enough ago."""
        going_on = self._running is not None and not self._running.done()
        if going_on or self._clock() - self._tried_at >= seconds:
            await self.refresh()

    def _start(self) -> asyncio.Task[None]:
        if self._running is None or self._running.done():
            self._tried_at = self._clock()
            self._running = asyncio.create_task(self._try(), name="signing-keys")
        return self._running

    async def _try(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                document = await self._fetch()
            keys = read_keys(document.body)
        except (RocketshipError, TimeoutError) as error:
            slow = Unavailable(f"no answer within {PATIENCE_SECONDS:.0f}s")
            self.failure = error if isinstance(error, RocketshipError) else slow
            self._due_at = self._clock() + RETRY_SECONDS
            log.warning("signing_keys_not_fetched", extra={"error": self.failure.message})
            return
        self.failure = None
        self._keys = keys
        age = DEFAULT_AGE_SECONDS if document.max_age is None else document.max_age
        self._due_at = self._clock() + min(max(age, MIN_AGE_SECONDS), MAX_AGE_SECONDS)
        self._good_until = self._due_at + STALE_SECONDS
        log.debug("signing_keys_fetched", extra={"count": len(keys)})


def read_keys(body: bytes) -> dict[str | None, PublicKey]:
    """Return the public keys of a JWK set that can verify signatures, by their names.

    Raises:
        Unavailable: There is none.
    """
    try:
        listed = json.loads(body)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        raise Unavailable("the identity provider does not answer with a JWK set")
    keys: dict[str | None, PublicKey] = {}
    for item in listed[:MAX_KEYS]:
        key = _read_key(item)
        if key is not None:
            keys.setdefault(key.kid, key)
    if not keys:
        raise Unavailable("the identity provider's JWK set has no key that can be used")
    return keys


def _read_key(item: Any) -> PublicKey | None:
    """Return a key, or None for what is of another sort, weak or damaged: others may be good."""
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    if not isinstance(item, dict) or item.get("kty") not in _KEY_TYPES:
        return None
    if item.get("use", "sig") != "sig" or "verify" not in item.get("key_ops", ["verify"]):
        return None
    # A private part has no business there, and none here.
    public = {name: value for name, value in item.items() if name not in _PRIVATE}
    classes: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
        "RSA": RSAKey,
        "EC": ECKey,
        "OKP": OKPKey,
    }
    try:
        if item["kty"] == "RSA" and len(item["n"]) * 6 < MIN_RSA_BITS:
            return None
        key = classes[item["kty"]].import_key(public)
        _ = key.raw_value  # made when it is first used, which is when damage is found
    except Exception as error:  # whatever a library makes of a damaged key, it is no use
        log.debug("signing_key_skipped", extra={"error": str(error)})
        return None
    return key


_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth")
