"""How gRPC-web puts messages, statuses and metadata into the body of a plain HTTP exchange.

The format is that of the gRPC-web protocol: frames of one byte of flags, four bytes of length, and
the content; the last frame of an answer has the highest flag set and holds the trailers as text.
With the content type `application/grpc-web-text` all of it travels as base64.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Iterable
from urllib.parse import quote

import grpc
from sonora import protocol
from starlette.types import Receive

from rocketship.dataclass import dataclass
from rocketship.wire.limits import MAX_REQUEST_BYTES

Metadata = tuple[tuple[str, str | bytes], ...]

_BINARY = b"application/grpc-web"
_TEXT = b"application/grpc-web-text"
_HEAD_BYTES = 5
_COMPRESSED = 1
#: Base64 makes four bytes of three.
MAX_BODY_BYTES = (MAX_REQUEST_BYTES + _HEAD_BYTES) * 4 // 3 + 4
#: Anybody may begin a request, and not end it.
BODY_SECONDS = 60.0
#: What may stand in `grpc-message` unescaped, beside letters and digits.
_PLAIN = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"


class Malformed(Exception):
    """A request that cannot be answered as a call, with the status that says why."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one exchange is written: as bytes, or as the text older browsers can stream."""

    text: bool = False

    @property
    def content_type(self) -> bytes:
        return (_TEXT if self.text else _BINARY) + b"+proto"

    def message(self, data: bytes) -> bytes:
        """Return the frame of a message."""
        return self._encoded(protocol.wrap_message(False, False, data))

    def trailers(self, code: grpc.StatusCode, text: str, metadata: Metadata) -> bytes:
        """Return the last frame of an answer."""
        pairs = [("grpc-status", str(code.value[0]))]
        if text:
            pairs.append(("grpc-message", quote(text, safe=_PLAIN)))
        pairs += written(metadata)
        return self._encoded(protocol.wrap_message(True, False, protocol.pack_trailers(pairs)))

    def _encoded(self, frame: bytes) -> bytes:
        return base64.b64encode(frame) if self.text else frame


def encoding_of(content_type: bytes) -> Encoding | None:
    """Return how a request is written, or None when it is not gRPC-web."""
    kind = content_type.split(b";")[0].strip().lower().removesuffix(b"+proto")
    return {_BINARY: Encoding(), _TEXT: Encoding(text=True)}.get(kind)


async def read_request(receive: Receive, encoding: Encoding) -> bytes:
    """Return the one message of a request, or nothing when whoever called is gone.

    Raises:
        Malformed: The body is too long, takes too long, or is not one message.
    """
    body = bytearray()
    more = True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                part = await receive()
                body += part.get("body", b"")
                more = part.get("more_body", False)
                if len(body) > MAX_BODY_BYTES:
                    raise _too_long()
    except TimeoutError:
        raise _too_late() from None
    return _message(_decoded(bytes(body)) if encoding.text else bytes(body))


def read_metadata(headers: Iterable[tuple[bytes, bytes]]) -> Metadata:
    """Return the headers of a request as gRPC gives them to a call.

    Raises:
        Malformed: A binary value is not base64.
    """
    pairs: list[tuple[str, str | bytes]] = []
    for raw, value in headers:
        name = raw.decode("latin-1").lower()
        if name.endswith("-bin"):
            pairs += [(name, _decoded(_padded(part))) for part in value.split(b",")]
        elif not name.startswith(":"):
            pairs.append((name, value.decode("latin-1")))
    return tuple(pairs)


def read_timeout(text: str) -> float | None:
    """Return the seconds of a `grpc-timeout`, or None without one.

    Raises:
        Malformed: It is none.
    """
    if not text:
        return None
    try:
        return float(protocol.parse_timeout(text.encode()))
    except (KeyError, ValueError):
        raise Malformed(
            grpc.StatusCode.INVALID_ARGUMENT, "grpc-timeout is no duration, such as 500m"
        ) from None


def written(metadata: Metadata) -> list[tuple[str, str]]:
    """Return metadata as headers, with binary values as base64."""
    return [
        (name, base64.b64encode(value).decode() if isinstance(value, bytes) else value)
        for name, value in metadata
    ]


def _message(body: bytes) -> bytes:
    if len(body) < _HEAD_BYTES:
        raise _not_a_message()
    if body[0] == _COMPRESSED:
        raise Malformed(grpc.StatusCode.UNIMPLEMENTED, "compressed messages are not supported")
    length = int.from_bytes(body[1:_HEAD_BYTES], "big")
    if length > MAX_REQUEST_BYTES:
        raise _too_long()
    if body[0] or length != len(body) - _HEAD_BYTES:
        raise _not_a_message()
    return body[_HEAD_BYTES:]


def _decoded(data: bytes) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise Malformed(grpc.StatusCode.INVALID_ARGUMENT, "what should be base64 is not") from None


def _padded(data: bytes) -> bytes:
    data = data.strip()
    return data + b"=" * (-len(data) % 4)


def _not_a_message() -> Malformed:
    return Malformed(grpc.StatusCode.INVALID_ARGUMENT, "the request is not one gRPC-web message")


def _too_long() -> Malformed:
    limit = MAX_REQUEST_BYTES // (1024 * 1024)
    return Malformed(grpc.StatusCode.RESOURCE_EXHAUSTED, f"the request is above {limit} MiB")


def _too_late() -> Malformed:
    text = f"the request did not arrive within {BODY_SECONDS:g} seconds"
    return Malformed(grpc.StatusCode.DEADLINE_EXCEEDED, text)
