"""Builds the authenticator from its settings, or says why it cannot: it never fails open."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rocketship.auth.advertisement import Advertisement, advertisement
from rocketship.auth.alb import AlbVerifier
from rocketship.auth.authenticator import Authenticator, Verifier
from rocketship.auth.caller import Kind
from rocketship.auth.jwks import KeyCache
from rocketship.auth.provider import Provider
from rocketship.auth.tokens import TokenFile, Tokens, TokenVerifier, read_entries
from rocketship.auth.verifiers import installed_verifiers
from rocketship.errors import SettingsError
from rocketship.settings.auth import AuthSettings, TokenSettings

log = logging.getLogger(__name__)

WORKER_TOKEN = "ROCKETSHIP_WORKER_TOKEN"
ENGINE_TOKEN = "ROCKETSHIP_ENGINE_TOKEN"


class Auth:
    """Everything about who may call one engine."""

    def __init__(
        self,
        settings: AuthSettings,
        authenticator: Authenticator,
        provider: Provider | None,
        keys: KeyCache | None,
    ) -> None:
        self.authenticator = authenticator
        self._settings = settings
        self._provider = provider
        self._keys = keys

    def advertisement(self) -> Advertisement:
        """Return what strangers are told; a provider may have told its part only by now."""
        endpoints = self._provider.endpoints if self._provider else None
        return advertisement(self._settings, endpoints)

    def upkeep(self) -> Coroutine[Any, Any, None] | None:
        """Return what has to go on for as long as the engine lives, if anything has to."""
        return self._keys.keep_fresh() if self._keys else None


@asynccontextmanager
async def open_auth(settings: AuthSettings) -> AsyncIterator[Auth]:
    """Make ready to tell who calls.

    Raises:
        SettingsError: A token or a file of them cannot be used, or the provider is another one.
    """
    own = _own_tokens(settings)
    verifiers: list[Verifier] = [own] if own else []
    if "token" in settings.modes:
        verifiers += _foreign(settings)
    provider = Provider(settings.oidc) if settings.oidc else None
    keys = KeyCache(provider.signing_keys) if provider else None
    if settings.oidc and keys:
        # Loading what it needs takes longer than all the rest of a start.
        from rocketship.auth.oidc import OidcVerifier

        verifiers.append(OidcVerifier(settings.oidc, keys))
    authenticator = Authenticator(
        verifiers,
        load_balancer=AlbVerifier(settings.alb) if settings.alb else None,
        anonymous=settings.modes == ("none",),
        worker_token=settings.worker.given,
    )
    try:
        if keys:
            await _first_keys(keys)
        yield Auth(settings, authenticator, provider, keys)
    finally:
        if keys:
            await keys.close()


def _own_tokens(settings: AuthSettings) -> TokenVerifier | None:
    sources: list[Tokens | TokenFile] = []
    if "token" in settings.modes and settings.token.given:
        sources.append(_source(settings.token, ENGINE_TOKEN, Kind.USER))
    if settings.worker.given:
        worker = _source(settings.worker, WORKER_TOKEN, Kind.WORKER)
        if any(worker.digests & source.digests for source in sources):
            hint = "make another one with `rocketship token generate`"
            raise SettingsError(f"{WORKER_TOKEN}: a user has the same token", hint=hint)
        sources.append(worker)
    return TokenVerifier(sources) if sources else None


def _source(given: TokenSettings, setting: str, kind: Kind) -> Tokens | TokenFile:
    if given.file:
        return TokenFile(Path(given.file), f"{setting}_FILE", kind)
    return Tokens(read_entries(given.value.reveal(), setting, kind))


def _foreign(settings: AuthSettings) -> list[Verifier]:
    found = installed_verifiers()
    if not found and not settings.token.given:
        hint = f"set {ENGINE_TOKEN} or {ENGINE_TOKEN}_FILE; `rocketship token generate` makes one"
        raise SettingsError("ROCKETSHIP_AUTH_MODE has token, and there is no token", hint=hint)
    return found


async def _first_keys(keys: KeyCache) -> None:
    """Fetch the keys; a provider that is down may come back, one that is another will not."""
    await keys.refresh()
    if isinstance(keys.failure, SettingsError):
        raise keys.failure
