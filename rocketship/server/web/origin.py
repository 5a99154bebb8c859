"""Keeps pages of other sites from acting in the name of whoever looks at them.

Behind a load balancer that signs people in, a browser sends its cookie along with every request,
also with one that a page of somebody else makes. Browsers say where a request comes from:
`Sec-Fetch-Site`, and `Origin` where they are too old for it. Programs say neither.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

#: What calls of gRPC-web send and read.
_ASKED = ("authorization", "content-type", "grpc-timeout", "x-grpc-web", "x-user-agent")
_SHOWN = ("grpc-message", "grpc-status", "grpc-status-details-bin")
#: How long a browser may remember that it is allowed to call.
_PREFLIGHT_SECONDS = 7200
_HARMLESS = ("GET", "HEAD", "OPTIONS")
_OWN = ("same-origin", "none")


class SameOrigin:
    """Refuses requests that could change something and come from pages of another site.

    Args:
        allowed: Other origins that are welcome.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str] = ()) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] in _HARMLESS
            or self._welcome(dict(scope["headers"]))
        ):
            await self._app(scope, receive, send)
            return
        refusal = JSONResponse({"error": "this request comes from another site"}, status_code=403)
        await refusal(scope, receive, send)

    def _welcome(self, headers: dict[bytes, bytes]) -> bool:
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin in self._allowed:
            return True
        site = headers.get(b"sec-fetch-site", b"").decode("latin-1")
        if site:
            return site in _OWN
        return not origin or urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")


def with_cors(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Return the app with what makes browsers let pages of these origins read its answers."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("POST",),
        allow_headers=_ASKED,
        expose_headers=_SHOWN,
        max_age=_PREFLIGHT_SECONDS,
    )
