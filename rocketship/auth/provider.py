"""What an identity provider says about itself, asked for once it is needed."""

from __future__ import annotations

import json
from typing import Any

from rocketship.auth.fetch import Document, fetch
from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError, Unavailable
from rocketship.settings.auth import OidcSettings, is_safe_url

_PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where things are at a provider; empty when it does not offer them."""

    jwks: str
    device: str
    token: str


class Provider:
    """The provider of some settings; what they leave out comes from its discovery document."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self.endpoints = Endpoints(
            settings.jwks_url, settings.device_endpoint, settings.token_endpoint
        )
        self._complete = all((self.endpoints.jwks, self.endpoints.device, self.endpoints.token))

    async def signing_keys(self) -> Document:
        """Fetch its JWK set.

        Raises:
            Unavailable: It does not answer, or not with what is asked for.
            SettingsError: It is not the provider of these settings.
        """
        if not self._complete:
            await self._discover()
        return await _document(self.endpoints.jwks)

    async def _discover(self) -> None:
        url = self._settings.issuer.rstrip("/") + _PATH
        try:
            said = json.loads((await _document(url)).body)
        except (ValueError, RecursionError):
            raise Unavailable(f"{url}: the answer is not JSON") from None
        if not isinstance(said, dict):
            raise Unavailable(f"{url}: the answer is not a JSON object")
        if said.get("issuer") != self._settings.issuer:
            hint = "the two must be equal, character by character; mind a slash at the end"
            raise SettingsError(
                f"ROCKETSHIP_OIDC_ISSUER={self._settings.issuer}: the provider calls itself "
                f"{str(said.get('issuer'))[:200]!r}",
                hint=hint,
            )
        known = self.endpoints
        found = Endpoints(
            jwks=known.jwks or _endpoint(said, "jwks_uri"),
            device=known.device or _endpoint(said, "device_authorization_endpoint"),
            token=known.token or _endpoint(said, "token_endpoint"),
        )
        if not found.jwks:
            raise Unavailable(f"{url}: there is no jwks_uri that can be used")
        self.endpoints, self._complete = found, True


async def _document(url: str) -> Document:
    document = await fetch(url)
    if document.status != 200:
        raise Unavailable(f"{url}: HTTP status {document.status}")
    return document


def _endpoint(said: dict[str, Any], name: str) -> str:
    """Return an address from the document, unless it would carry tokens in the clear."""
    url = said.get(name)
    return url if isinstance(url, str) and is_safe_url(url) else ""
