"""Request bodies: read whole before a handler runs, then understood as JSON, a form, or parts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from email.message import Message
from email.parser import HeaderParser
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from rocketship.dataclass import dataclass
from rocketship.values import Json, JsonObject

MAX_BODY_BYTES = 16 * 1024 * 1024


class WholeBody:
    """Reads each request body to its end before the application sees the request.

    An answer that overtakes its request's body breaks the connection on hypercorn's HTTP/2 side,
    and an upload nobody reads stalls it; behind this, a handler may ignore the body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _collect(receive)
        if body is None:
            return
        if len(body) > MAX_BODY_BYTES:
            answer = PlainTextResponse(f"body exceeds {MAX_BODY_BYTES} bytes", status_code=413)
            await answer(scope, receive, send)
            return
        pending: list[AsgiMessage] = [{"type": "http.request", "body": bytes(body)}]

        async def replay() -> AsgiMessage:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)


async def _collect(receive: Receive) -> bytearray | None:
    """Return the body, no more than a little over the limit, or None when the client went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(body) <= MAX_BODY_BYTES:
            body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


def media_type(request: Request) -> str:
    """Return the body's media type in lower case, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_json(raw: bytes) -> Json:
    """Return the value of a JSON text.

    Raises:
        ValueError: The bytes are not one JSON document.
    """
    try:
        value: Json = json.loads(raw, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


async def json_object(request: Request) -> JsonObject:
    """Return the JSON object in the body; anything else is answered with 400."""
    try:
        value = parse_json(await request.body())
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise HTTPException(400, "the body must be a JSON object")
    return value


async def form_fields(request: Request) -> JsonObject:
    """Return the fields of a URL-encoded body."""
    text = (await request.body()).decode("utf-8", "replace")
    return group_pairs(parse_qsl(text, keep_blank_values=True))


def group_pairs(pairs: Iterable[tuple[str, str]]) -> JsonObject:
    """Return names with their value, or with the list of values where a name is repeated."""
    grouped: dict[str, list[Json]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in grouped.items()}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body; `filename` is None for a plain field."""

    name: str
    filename: str | None
    content_type: str
    content: bytes


async def parts(request: Request) -> list[Part]:
    """Return the parts of a multipart body; a broken one is answered with 400."""
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    boundary = header.get_boundary()
    if not boundary:
        raise HTTPException(400, "the multipart content type names no boundary")
    # A leading line break makes the first delimiter look like all others.
    pieces = (b"\r\n" + await request.body()).split(b"\r\n--" + boundary.encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise HTTPException(400, "the multipart body does not end with its boundary")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    # The rest of the delimiter's line comes first; a part without headers has only an empty line.
    head, blank, content = piece.partition(b"\r\n\r\n")
    headers = HeaderParser().parsestr(head.decode("utf-8", "replace").lstrip())
    name = headers.get_param("name", header="content-disposition")
    if not blank or not isinstance(name, str):
        raise HTTPException(400, "a part of the multipart body has no name")
    return Part(name, headers.get_filename(), headers.get_content_type(), content)
