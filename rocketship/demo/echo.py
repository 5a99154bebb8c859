"""Endpoints that answer with what they received, for tests that check what was sent."""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from rocketship.demo.body import form_fields, group_pairs, media_type, parse_json, parts
from rocketship.values import JsonObject

ANY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


async def echo(request: Request) -> JSONResponse:
    """Any method: method, URL, headers, query, and the body as `form`, `json` or `data`."""
    return JSONResponse(await described(request))


async def anything(request: Request) -> JSONResponse:
    """Any method and path below: like /echo, with path, cookies, files and the caller's address."""
    return JSONResponse({**await described(request), **_details(request)})


async def headers(request: Request) -> JSONResponse:
    """The request's headers, capitalised the usual way."""
    return JSONResponse({"headers": canonical_headers(request)})


async def upload(request: Request) -> JSONResponse:
    """POST or PUT: sizes and SHA-256 sums of what was uploaded, multipart or raw."""
    if media_type(request) == "multipart/form-data":
        return JSONResponse(await _multipart(request))
    content = await request.body()
    kind = request.headers.get("content-type", "")
    return JSONResponse({"content_type": kind, **_measures(content)})


async def described(request: Request) -> JsonObject:
    """Return what is known about a request, as JSON."""
    reply: JsonObject = {
        "method": request.method,
        "url": str(request.url),
        "headers": canonical_headers(request),
        "query": group_pairs(request.query_params.multi_items()),
    }
    content = await request.body()
    kind = media_type(request)
    if kind == "application/x-www-form-urlencoded":
        reply["form"] = await form_fields(request)
    elif kind == "multipart/form-data":
        reply |= await _multipart(request)
    elif content:
        reply |= _content(content)
    return reply


def canonical_headers(request: Request) -> JsonObject:
    """Return header names as `X-Custom-Name` with their first values."""
    found: JsonObject = {}
    for name, value in request.headers.items():
        found.setdefault("-".join(word.capitalize() for word in name.split("-")), value)
    return found


def _details(request: Request) -> JsonObject:
    return {
        "path": request.url.path,
        "cookies": dict(request.cookies),
        "origin": request.client.host if request.client else "",
    }


def _content(content: bytes) -> JsonObject:
    """Return a body as `data` (text, or base64 when it is none) and, if it is JSON, as `json`."""
    try:
        reply: JsonObject = {"data": content.decode()}
    except UnicodeDecodeError:
        return {"data": base64.b64encode(content).decode()}
    with suppress(ValueError):
        reply["json"] = parse_json(content)
    return reply


async def _multipart(request: Request) -> JsonObject:
    found = await parts(request)
    fields = [
        (part.name, part.content.decode("utf-8", "replace")) for part in found if not part.filename
    ]
    files = [
        {
            "field": part.name,
            "filename": part.filename,
            "content_type": part.content_type,
            **_measures(part.content),
        }
        for part in found
        if part.filename
    ]
    return {"form": group_pairs(fields), "files": [*files]}


def _measures(content: bytes) -> JsonObject:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


ROUTES: list[BaseRoute] = [
    Route("/echo", echo, methods=ANY_METHOD),
    Route("/anything", anything, methods=ANY_METHOD),
    Route("/anything/{rest:path}", anything, methods=ANY_METHOD),
    Route("/headers", headers),
    Route("/upload", upload, methods=["POST", "PUT"]),
]
