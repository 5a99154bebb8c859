"""The bundled sample API with the misbehaviour that only tests ask for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from rocketship.demo.app import create_app


def create_catalog() -> Starlette:
    """Return the sample API with endpoints under /broken."""
    return create_app(
        [
            Route("/broken/json", broken_json),
            Route("/broken/encoding", broken_encoding),
            Route("/broken/length", broken_length),
            Route("/broken/silence", silence),
        ]
    )


async def broken_json(request: Request) -> Response:
    """GET: a body that only claims to be JSON."""
    return Response('{"name": "Ada",', media_type="application/json")


async def broken_encoding(request: Request) -> Response:
    """GET: a body that only claims to be gzip."""
    return PlainTextResponse("plain", headers={"content-encoding": "gzip"})


async def broken_length(request: Request) -> Response:
    """GET: the connection closes before the announced length is reached."""
    return _Cut(headers={"content-length": "1000"})


class _Cut(Response):
    """Sends its head and a few bytes, and leaves it at that."""

    async def __call__(self, scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b"only this", "more_body": True})


async def silence(request: Request) -> Response:
    """GET: an answer that begins and then neither goes on nor ends."""
    return StreamingResponse(_nothing(), media_type="text/plain")


async def _nothing() -> AsyncIterator[bytes]:
    yield b"wait"
    await asyncio.Event().wait()
