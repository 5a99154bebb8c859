"""What the texts of a new run are held to, which are kept for years and shown in every list."""

from __future__ import annotations

from collections.abc import Iterator

from rocketship.errors import UsageError
from rocketship.run.spec import MAX_CONTEXT_BYTES
from rocketship.wire import limits
from rocketship.wire._generated import engine_pb2 as pb


def check_bounds(request: pb.CreateRunRequest) -> None:
    """Check how many texts a request has, and how long each is.

    Raises:
        UsageError: There is one too many, or one too long; the message names the field.
    """
    counts = (
        ("files", len(request.files), limits.MAX_FILES),
        ("context.metadata", len(request.context.metadata), limits.MAX_METADATA),
    )
    for field, count, most in counts:
        if count > most:
            raise UsageError(f"{field} has {count:,} entries: the limit is {most:,}")
    for field, text, most in _texts(request):
        size = len(text.encode())
        if size > most:
            raise UsageError(f"{field} has {size:,} bytes: the limit is {most:,}")
        if "\0" in text:
            raise UsageError(f"{field} has a character of code 0, which no text may have")


def _texts(request: pb.CreateRunRequest) -> Iterator[tuple[str, str, int]]:
    """Yield the field, the text and the limit of everything that is bounded."""
    yield "idempotency_key", request.idempotency_key, limits.MAX_IDEMPOTENCY_KEY_BYTES
    yield "file", request.file, limits.MAX_FILE_NAME_BYTES
    for file in request.files:
        yield "files.path", file.path, limits.MAX_FILE_NAME_BYTES
    context = request.context
    for descriptor in context.DESCRIPTOR.fields:
        if descriptor.name != "metadata":
            field = f"context.{descriptor.name}"
            yield field, getattr(context, descriptor.name), MAX_CONTEXT_BYTES
    for key, value in context.metadata.items():
        yield "context.metadata", key, MAX_CONTEXT_BYTES
        yield f"context.metadata.{key}", value, MAX_CONTEXT_BYTES
