"""What strangers are told about how to log in."""

from __future__ import annotations

from rocketship.auth.provider import Endpoints
from rocketship.dataclass import dataclass
from rocketship.settings.auth import AuthSettings


@dataclass(frozen=True, slots=True)
class Advertisement:
    """How to log in; texts are empty when they have no meaning in the mode.

    Attributes:
        kind: none, token, oidc or cloud.
        capabilities: What of it clients can count on.
    """

    kind: str
    capabilities: tuple[str, ...] = ()
    issuer: str = ""
    audience: str = ""
    client_id: str = ""
    scopes: tuple[str, ...] = ()
    device_endpoint: str = ""
    token_endpoint: str = ""

    @property
    def enabled(self) -> bool:
        """Whether anybody has to log in."""
        return self.kind != "none"


def advertisement(settings: AuthSettings, endpoints: Endpoints | None) -> Advertisement:
    """Return what to tell; with tokens and a provider, people use the provider."""
    capabilities = tuple(f"auth.{mode}" for mode in settings.modes if mode != "none")
    oidc = settings.oidc
    if oidc is None or endpoints is None:
        return Advertisement(settings.modes[0], capabilities)
    return Advertisement(
        kind="cloud" if settings.advertise_cloud else "oidc",
        capabilities=capabilities,
        issuer=oidc.issuer,
        audience=oidc.audience,
        client_id=oidc.client_id,
        scopes=oidc.scopes,
        device_endpoint=endpoints.device,
        token_endpoint=endpoints.token,
    )
