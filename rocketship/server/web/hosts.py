"""Keeps names that are not the engine's from standing for it.

Whoever owns a name can let it point anywhere, also to the machine of whoever looks at a page of
that name. For the browser the page then belongs to the engine, whatever the page's origin is held
against. Only the name gives it away, so an engine that asks nobody for a token looks at it.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from rocketship.server.web.middleware import QUIET_PATHS
from rocketship.settings.server import ServerSettings

MISDIRECTED = 421
_REFUSAL = (
    "without authentication, this engine answers to localhost, to addresses and to names it was "
    "given, and the name in this request is none of them; name it in "
    "ROCKETSHIP_PUBLIC_HTTP_ENDPOINT, set ROCKETSHIP_AUTH_MODE to token or oidc, or set "
    "ROCKETSHIP_ALLOW_ANONYMOUS=true if everybody may use the engine"
)


class KnownHosts:
    """Refuses requests for hosts that are not the engine's, apart from probes.

    Args:
        names: Names of hosts that are, beside those nobody else can own.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Probes and Prometheus come by whatever name they know, and change nothing.
        if scope["type"] != "http" or scope["path"] in QUIET_PATHS or self._known(scope):
            await self._app(scope, receive, send)
            return
        refusal = JSONResponse({"error": _REFUSAL}, status_code=MISDIRECTED)
        await refusal(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        hosts = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
        # Only programs leave it out.
        return all(_is_fixed(name) or name in self._names for name in map(host_name, hosts))


def given_names(settings: ServerSettings) -> frozenset[str] | None:
    """Return the names an engine was given, or None where every name will do."""
    if settings.auth.modes != ("none",) or settings.auth.allow_anonymous:
        return None
    addresses = (settings.public_http, settings.public_grpc, *settings.web.origins)
    return frozenset(host_name(address) for address in addresses if address)


def host_name(address: str) -> str:
    """Return the host of an URL or of HOST:PORT as it is compared, or nothing for what is none."""
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname
    except ValueError:
        return ""
    return (host or "").removesuffix(".")


def _is_fixed(name: str) -> bool:
    """Return whether nobody can let a name point to where he likes."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
