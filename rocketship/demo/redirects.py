"""Endpoints that send the client elsewhere."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from rocketship.demo.echo import described
from rocketship.demo.replies import ANY_METHOD, bounded, query_number

MAX_REDIRECTS = 100
CODES = (301, 302, 303, 307, 308)


async def redirect(request: Request) -> Response:
    """Any method: `count` redirects with `status` (302), `absolute` or not, then what arrived."""
    count = bounded(request.path_params["count"], 0, MAX_REDIRECTS)
    if count == 0:
        return JSONResponse(await described(request))
    absolute = request.query_params.get("absolute") == "true"
    path = request.url.replace(path=f"/redirect/{count - 1}")
    target = str(path) if absolute else f"{path.path}?{path.query}".rstrip("?")
    return _answer(request, target)


async def redirect_to(request: Request) -> Response:
    """Any method: one redirect with `status` (302) to `url`."""
    target = request.query_params.get("url", "")
    if not target or not target.isascii() or not target.isprintable():
        raise HTTPException(400, "url must be the address to redirect to")
    return _answer(request, target)


def _answer(request: Request, target: str) -> Response:
    code = query_number(request, "status", 302)
    if code not in CODES:
        raise HTTPException(400, f"status must be one of {', '.join(map(str, CODES))}")
    return Response(status_code=code, headers={"location": target})


ROUTES: list[BaseRoute] = [
    Route("/redirect/{count:int}", redirect, methods=ANY_METHOD),
    Route("/redirect-to", redirect_to, methods=ANY_METHOD),
]
