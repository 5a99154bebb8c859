"""Whether browsers can call the API here, and what they are told when they cannot."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from urllib.parse import quote

import grpc
from starlette.types import ASGIApp, Receive, Scope, Send

from rocketship.errors import SettingsError
from rocketship.settings.web import WebSettings
from rocketship.wire._generated import engine_pb2_grpc as pb_grpc

_CONTENT_TYPE = b"application/grpc-web"
_OFF = "gRPC-web is switched off on this engine (ROCKETSHIP_GRPC_WEB)"
_INSTALL = (
    "install it with `pip install --no-deps sonora==0.2.3 async-timeout`: what else it asks for "
    "serves its own client, and is out of date"
)


def offered(settings: WebSettings) -> bool:
    """Return whether browsers can call the API.

    Raises:
        SettingsError: They should be able to, and a package for it is not installed.
    """
    installed = find_spec("sonora") is not None
    if settings.grpc_web and not installed:
        message = "ROCKETSHIP_GRPC_WEB=on needs the package sonora, which is not installed"
        raise SettingsError(message, hint=_INSTALL)
    return installed if settings.grpc_web is None else settings.grpc_web


def with_grpc_web(
    app: ASGIApp,
    settings: WebSettings,
    servicer: pb_grpc.EngineServicer,
    interceptors: Sequence[grpc.aio.ServerInterceptor],
) -> ASGIApp:
    """Return the app with the API for browsers around it.

    Raises:
        SettingsError: As for `offered`.
    """
    if not offered(settings):
        return SwitchedOff(app)
    from rocketship.server.web.grpc_web.bridge import GrpcWeb

    return GrpcWeb(app, servicer, interceptors)


class SwitchedOff:
    """Tells whoever calls by gRPC-web that it is not to be had here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        content_type = dict(scope["headers"]).get(b"content-type", b"")
        if scope["type"] != "http" or not content_type.startswith(_CONTENT_TYPE):
            await self._app(scope, receive, send)
            return
        headers = [
            (b"content-type", _CONTENT_TYPE + b"+proto"),
            (b"grpc-status", str(grpc.StatusCode.UNIMPLEMENTED.value[0]).encode()),
            (b"grpc-message", quote(_OFF, safe=" ()").encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
