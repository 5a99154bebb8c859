"""What people see whom the engine does not know: how to get in."""

from __future__ import annotations

from starlette.responses import Response

from rocketship.errors import RocketshipError, Unauthenticated
from rocketship.server.web.pages.rendering import render
from rocketship.settings.server import ServerSettings


class SignIn:
    """Explains refusals as pages.

    With tokens, the page has a form; the token stays in the memory of its tab. Without a load
    balancer that logs people in, a provider alone cannot let a browser in.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._auth = settings.auth
        self._address = settings.public_http

    def page(self, error: RocketshipError) -> Response:
        """Return the page for a refusal."""
        oidc = self._auth.oidc
        return render(
            "sign_in.html",
            path="",
            state="",
            who="",
            error=error,
            unknown=isinstance(error, Unauthenticated),
            tokens="token" in self._auth.modes,
            issuer=oidc.issuer if oidc else "",
            balanced=self._auth.alb is not None,
            address=self._address,
        )
