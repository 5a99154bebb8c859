"""Endpoints that answer as asked: a status, a body of some kind or size, late, or in pieces."""

from __future__ import annotations

import asyncio
import gzip
import json
import uuid
from collections.abc import AsyncIterator
from http import HTTPStatus
from random import Random
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from rocketship.demo.records import session_of

ANY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
MAX_DELAY_SECONDS = 10.0
MAX_BYTES = 16 * 1024 * 1024
MAX_ITEMS = 100_000
MAX_CHUNKS = 1000

SAMPLE = {
    "slideshow": {
        "title": "Countdown checks",
        "author": "Launch control",
        "slides": [
            {"title": "Fuel and oxidiser", "type": "all", "items": ["levels", "pressure"]},
            {"title": "Weather", "type": "all"},
        ],
    }
}
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Launch pad</title></head>
<body>
<h1 id="title">Launch pad</h1>
<p class="state">All systems are ready.</p>
<form method="post" action="/echo"><input name="pilot"><button>Board</button></form>
</body>
</html>
"""

N = TypeVar("N", int, float)


async def status(request: Request) -> Response:
    """Any method: the given status code, 200 to 599."""
    code = bounded(request.path_params["code"], 200, 599)
    if code in (204, 205, 304):
        return Response(status_code=code)
    known = {item.value: item.phrase for item in HTTPStatus}
    return JSONResponse({"code": code, "message": known.get(code, "")}, status_code=code)


async def delay(request: Request) -> Response:
    """Any method: an answer after some seconds, at most 10."""
    seconds = bounded(request.path_params["seconds"], 0.0, MAX_DELAY_SECONDS)
    await asyncio.sleep(seconds)
    return JSONResponse({"delay": seconds})


async def flaky(request: Request) -> Response:
    """Any method: the first `fail` requests of a key get `status` (503), the others 200."""
    count = query_number(request, "fail", 1)
    code = bounded(query_number(request, "status", 503), 200, 599)
    attempts = request.app.state.attempts
    key = (session_of(request), request.path_params["key"])
    attempt = attempts.get(key, 0) + 1
    attempts[key] = attempt
    reply = {"key": key[1], "attempt": attempt, "ok": attempt > count}
    return JSONResponse(reply, status_code=200 if attempt > count else code)


async def random_uuid(request: Request) -> Response:
    """GET: a random UUID."""
    return JSONResponse({"uuid": str(uuid.uuid4())})


async def sample(request: Request) -> Response:
    """GET: a nested JSON document."""
    return JSONResponse(SAMPLE)


async def page(request: Request) -> Response:
    """GET: an HTML page."""
    return HTMLResponse(PAGE)


async def text(request: Request) -> Response:
    """GET: plain text."""
    return Response("All systems are ready.\n", media_type="text/plain")


async def binary(request: Request) -> Response:
    """GET: `size` bytes that are the same for each `seed`."""
    size = bounded(request.path_params["size"], 0, MAX_BYTES)
    content = Random(query_number(request, "seed", 0)).randbytes(size)
    return Response(content, media_type="application/octet-stream")


async def large(request: Request) -> Response:
    """GET: a JSON array of `items` numbered objects."""
    count = bounded(query_number(request, "items", 1000), 0, MAX_ITEMS)
    return JSONResponse([{"number": number, "name": f"item {number}"} for number in range(count)])


async def compressed(request: Request) -> Response:
    """GET: JSON in gzip encoding."""
    content = gzip.compress(json.dumps({"gzipped": True, **SAMPLE}).encode(), mtime=0)
    headers = {"content-encoding": "gzip", "vary": "accept-encoding"}
    return Response(content, media_type="application/json", headers=headers)


async def stream(request: Request) -> Response:
    """GET: `count` JSON lines with `pause` seconds before each."""
    count = bounded(request.path_params["count"], 0, MAX_CHUNKS)
    pause = bounded(query_number(request, "pause", 0.01), 0.0, MAX_DELAY_SECONDS)
    return StreamingResponse(_lines(count, pause), media_type="application/x-ndjson")


async def _lines(count: int, pause: float) -> AsyncIterator[bytes]:
    for number in range(count):
        await asyncio.sleep(pause)
        yield json.dumps({"line": number}).encode() + b"\n"


async def response_headers(request: Request) -> Response:
    """GET: an answer with every query parameter as a header."""
    answer = JSONResponse({})
    for name, value in request.query_params.multi_items():
        if not name.isascii() or not value.isascii() or not (name + value).isprintable():
            raise HTTPException(400, f"{name!r} cannot be a header")
        answer.headers.append(name, value)
    return answer


def bounded(number: N, least: N, most: N) -> N:
    """Return the number; outside its bounds it is answered with 400."""
    if not least <= number <= most:
        raise HTTPException(400, f"{number} is not between {least} and {most}")
    return number


def query_number(request: Request, name: str, default: N) -> N:
    """Return a query parameter as a number like its default; others are answered with 400."""
    given = request.query_params.get(name)
    if given is None:
        return default
    try:
        return type(default)(given)
    except ValueError:
        raise HTTPException(400, f"{name} must be a number, not {given!r}") from None


ROUTES: list[BaseRoute] = [
    Route("/status/{code:int}", status, methods=ANY_METHOD),
    Route("/delay/{seconds:float}", delay, methods=ANY_METHOD),
    Route("/flaky/{key}", flaky, methods=ANY_METHOD),
    Route("/uuid", random_uuid),
    Route("/json", sample),
    Route("/html", page),
    Route("/text", text),
    Route("/bytes/{size:int}", binary),
    Route("/large", large),
    Route("/gzip", compressed),
    Route("/stream/{count:int}", stream),
    Route("/response-headers", response_headers),
]
