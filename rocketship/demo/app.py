"""The sample API: an application to practise on, and the system under test of our own tests."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from rocketship.demo import auth, cookies, echo, records, redirects, replies
from rocketship.demo.body import WholeBody
from rocketship.demo.recent import Recent

MAX_FLAKY_KEYS = 10_000
MAX_LOGINS = 10_000


def create_app(extra: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the API with an empty memory of its own; `extra` routes come before all others."""
    app = Starlette(
        routes=[
            *extra,
            Route("/", index),
            Route("/_health", health),
            *echo.ROUTES,
            *replies.ROUTES,
            *redirects.ROUTES,
            *cookies.ROUTES,
            *auth.ROUTES,
            *records.ROUTES,
            Route("/{rest:path}", options, methods=["OPTIONS"]),
        ],
        middleware=[
            Middleware(WholeBody),
            Middleware(
                CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]
            ),
        ],
    )
    app.state.records = records.Records()
    app.state.attempts = Recent[tuple[str, str], int](MAX_FLAKY_KEYS)
    app.state.logins = Recent[str, str](MAX_LOGINS)
    return app


async def index(request: Request) -> Response:
    """GET: what each path does."""
    known: dict[str, list[str]] = {}
    for route in request.app.routes:
        if isinstance(route, Route):
            known.setdefault(route.path_format, []).append(route.endpoint.__doc__ or "")
    return JSONResponse(known)


async def health(request: Request) -> Response:
    """GET: whether the API is up."""
    return JSONResponse({"status": "ok"})


async def options(request: Request) -> Response:
    """OPTIONS: 200 everywhere."""
    return Response()
