"""Finds out who makes a request of HTTP, gRPC-web included, before anything else looks at it.

It stands inside `DrainedBody`, which reads what is left of a body before an early answer.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from grpc import StatusCode
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rocketship.auth.authenticator import Authenticator
from rocketship.auth.caller import Credentials
from rocketship.auth.policy import rule_of_path
from rocketship.errors import RocketshipError
from rocketship.server.callers import CALLER, Refusals
from rocketship.wire.status import CHALLENGE, RETRY_AFTER_SECONDS, to_status

LOAD_BALANCER_HEADER = b"x-amzn-oidc-data"
#: They mean something only to this module; nobody behind it may believe them.
_STRIPPED_PREFIX = b"x-amzn-oidc-"
_GRPC_WEB = b"application/grpc-web"
_STATUSES = {
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.UNAVAILABLE: 503,
}


class WebCallers:
    """Lets those requests through whose callers may make them.

    Handlers find the caller as `request.state.principal`.

    Args:
        page: Makes the page people with a browser get instead.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        refusals: Refusals,
        page: Callable[[RocketshipError], Response],
    ) -> None:
        self._app = app
        self._page = page
        self._authenticator = authenticator
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        try:
            principal = await self._authenticator.admit(
                rule_of_path(path), _credentials(scope["headers"])
            )
        except RocketshipError as error:
            peer = (scope.get("client") or ("",))[0]
            self._refusals.tell(error, path, peer)
            await self._refuse(error, scope, receive, send)
            return
        CALLER.set(principal)
        # The state is shared with whoever logs the request.
        scope.setdefault("state", {})["principal"] = principal
        headers = [item for item in scope["headers"] if not item[0].startswith(_STRIPPED_PREFIX)]
        await self._app({**scope, "headers": headers}, receive, send)

    async def _refuse(
        self, error: RocketshipError, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = dict(scope["headers"])
        presented = b"authorization" in headers
        if headers.get(b"content-type", b"").startswith(_GRPC_WEB):
            response = _grpc_web(error)
        elif b"text/html" in headers.get(b"accept", b""):
            response = _told(self._page(error), error, presented=presented)
        else:
            response = _told(_json(error), error, presented=presented)
        await response(scope, receive, send)


def _credentials(headers: list[tuple[bytes, bytes]]) -> Credentials:
    return Credentials(
        authorization=_values(headers, b"authorization"),
        load_balancer=_values(headers, LOAD_BALANCER_HEADER),
    )


def _values(headers: list[tuple[bytes, bytes]], name: bytes) -> tuple[str, ...]:
    return tuple(value.decode("latin-1") for key, value in headers if key == name)


def _told(response: Response, error: RocketshipError, *, presented: bool) -> Response:
    """Return the response with what clients look for: the status, and what to do about it."""
    code, _, _ = to_status(error)
    response.status_code = _STATUSES.get(code, 500)
    if code is StatusCode.UNAUTHENTICATED:
        challenge = CHALLENGE + (', error="invalid_token"' if presented else "")
        response.headers["www-authenticate"] = challenge
    elif code is StatusCode.UNAVAILABLE:
        response.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return response


def _json(error: RocketshipError) -> Response:
    _, text, _ = to_status(error)
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return JSONResponse({"error": text}, headers=headers)


def _grpc_web(error: RocketshipError) -> Response:
    """Answer a call of gRPC-web, whose clients look for the status in the headers."""
    code, text, _ = to_status(error)
    headers = {
        "content-type": "application/grpc-web+proto",
        "grpc-status": str(code.value[0]),
        "grpc-message": quote(text, safe=" ;:,'`/"),
        "cache-control": "no-store",
    }
    return Response(status_code=200, headers=headers)
