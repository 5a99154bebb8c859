"""The two probes of a process that serves nothing else over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from rocketship._version import __version__
from rocketship.server.health import Readiness

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def probes(readiness: Readiness, parts: Callable[[], Mapping[str, bool]]) -> ASGIApp:
    """Return an app with /healthz, which looks at nothing else, and /readyz, which does.

    Args:
        readiness: Whether the process takes work.
        parts: Whether each part it depends on works at the moment.
    """

    async def health(request: Request) -> Response:
        content = {"status": readiness.word, "version": __version__}
        # Whoever still waits for what it depends on is alive: starting it again would not help.
        return _json(content, ok=readiness.ok or readiness.starting)

    async def ready(request: Request) -> Response:
        found = parts()
        ok = readiness.ok and all(found.values())
        words = {name: "ok" if works else "failed" for name, works in found.items()}
        status = readiness.word if ok or not readiness.ok else "failed"
        return _json({"status": status, "dependencies": words}, ok=ok)

    return Starlette(routes=[Route("/healthz", health), Route("/readyz", ready)])


def _json(content: object, *, ok: bool) -> Response:
    return JSONResponse(content, status_code=200 if ok else 503, headers=_HEADERS)
