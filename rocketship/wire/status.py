"""Errors as gRPC statuses and back: the only table of them.

A status of ours carries an ErrorInfo of our domain, so that a client can tell an engine's refusal
from that of a proxy on the way, and get back the very error the engine raised.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]
    BadRequest,
    ErrorInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc import StatusCode

from rocketship.errors import (
    Ambiguous,
    Conflict,
    Disowned,
    Draining,
    Infrastructure,
    InvalidSuite,
    NotFound,
    Overloaded,
    Refused,
    RocketshipError,
    SettingsError,
    StoreError,
    Unauthenticated,
    Unavailable,
    Unreachable,
    UsageError,
    Violation,
)
from rocketship.values import to_utf8

DOMAIN = "rocketship"
DETAILS_KEY = "grpc-status-details-bin"
RETRY_AFTER_SECONDS = 1
#: A status travels in headers, and a proxy on the way may take no more than 4 KiB of them.
MAX_MESSAGE_BYTES = 400
MAX_VIOLATIONS_BYTES = 1000
UNEXPECTED = "the engine failed unexpectedly; its log says where"

#: How to get in, in the words of HTTP; clients of gRPC find it in the trailers.
CHALLENGE = 'Bearer realm="rocketship"'

Metadata = tuple[tuple[str, str | bytes], ...]

#: An error has the code of its nearest class in this table.
_CODES: dict[type[RocketshipError], StatusCode] = {
    UsageError: StatusCode.INVALID_ARGUMENT,
    Conflict: StatusCode.FAILED_PRECONDITION,
    InvalidSuite: StatusCode.INVALID_ARGUMENT,
    NotFound: StatusCode.NOT_FOUND,
    Ambiguous: StatusCode.FAILED_PRECONDITION,
    SettingsError: StatusCode.INTERNAL,
    Infrastructure: StatusCode.INTERNAL,
    StoreError: StatusCode.UNAVAILABLE,
    Disowned: StatusCode.UNAVAILABLE,
    Unreachable: StatusCode.UNAVAILABLE,
    Refused: StatusCode.PERMISSION_DENIED,
    Unauthenticated: StatusCode.UNAUTHENTICATED,
    Unavailable: StatusCode.UNAVAILABLE,
    Overloaded: StatusCode.RESOURCE_EXHAUSTED,
    Draining: StatusCode.UNAVAILABLE,
    RocketshipError: StatusCode.INTERNAL,
}
_CLASSES = {cls.code: cls for cls in _CODES}


class RpcError(Protocol):
    """As much of a failed call as is looked at; grpc's own errors have it, sync and async."""

    def details(self) -> str | None: ...
    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...


def to_status(error: Exception) -> tuple[StatusCode, str, Metadata]:
    """Return the code, text and trailing metadata an error is told with.

    The text is the message with its hint, for clients that show nothing else. Errors that nobody
    foresaw keep their words to themselves.
    """
    if not isinstance(error, RocketshipError):
        error = RocketshipError(UNEXPECTED)
    cls = next(cls for cls in type(error).__mro__ if cls in _CODES)
    code, message = _CODES[cls], _cut(error.message, MAX_MESSAGE_BYTES)
    hint = _cut(error.hint or "", MAX_MESSAGE_BYTES - len(message.encode()))
    text = f"{message}; {hint}" if hint else message
    status = Status(code=code.value[0], message=text)
    _add(status, ErrorInfo(reason=cls.code, domain=DOMAIN, metadata={"hint": hint} if hint else {}))
    if isinstance(error, InvalidSuite):
        _add(status, _bad_request(error))
    if code is StatusCode.UNAVAILABLE:
        _add(status, RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_SECONDS)))
    details = (DETAILS_KEY, status.SerializeToString())
    if code is StatusCode.UNAUTHENTICATED:
        return code, text, (details, ("www-authenticate", CHALLENGE))
    return code, text, (details,)


def from_rpc(error: RpcError) -> RocketshipError | None:
    """Return the error an engine raised, or None when somebody else made the status."""
    status = _status(error)
    info = ErrorInfo()
    if status is None or not _take(status, info) or info.domain != DOMAIN:
        return None
    hint = info.metadata.get("hint")
    message = status.message.removesuffix(f"; {hint}")
    cls = _CLASSES.get(info.reason, RocketshipError)
    if cls is InvalidSuite:
        violations = _violations(status)
        report = "\n".join(f"{item.place}: error: {item.message}" for item in violations)
        return InvalidSuite(message, report=report, violations=violations, hint=hint)
    return cls(message, hint=hint)


def _bad_request(error: InvalidSuite) -> BadRequest:
    """Return as many of the problems as fit, and how many are left."""
    request = BadRequest()
    size = 0
    for count, item in enumerate(error.violations):
        message = _cut(item.message, MAX_MESSAGE_BYTES)
        place = to_utf8(item.place)
        size += len(place.encode()) + len(message.encode())
        if size > MAX_VIOLATIONS_BYTES:
            more = f"there are {len(error.violations) - count} more problems"
            request.field_violations.add(description=more)
            break
        request.field_violations.add(field=_cut(place, MAX_MESSAGE_BYTES), description=message)
    return request


def _violations(status: Status) -> list[Violation]:
    request = BadRequest()
    _take(status, request)
    return [Violation(item.field, item.description) for item in request.field_violations]


def _status(error: RpcError) -> Status | None:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                return None
    return None


def _add(status: Status, detail: Message) -> None:
    status.details.add().Pack(detail)


def _take(status: Status, into: Message) -> bool:
    """Read the first detail of a type; return whether there is one."""
    try:
        return any(detail.Unpack(into) for detail in status.details)
    except DecodeError:
        return False


def _cut(text: str, size: int) -> str:
    """Return a text that takes at most so many bytes."""
    encoded = to_utf8(text).encode()
    if len(encoded) <= size:
        return encoded.decode()
    return encoded[: max(size - 3, 0)].decode("utf-8", "ignore") + "…"
