"""JSON that is still text: what is small is read here, what is large in a child.

Reading 60 MB of JSON takes seconds, in which nothing else in this process would move. So the child
reads the text as well, follows the program, and sends back what it found.
"""

from __future__ import annotations

import json

from rocketship.template import query
from rocketship.values import Json, UnfitJson, read_json, to_ascii_json

#: How long reading one, and the program after that, may take.
MAX_SECONDS = 30.0
#: What may be found in a large document; it is shown, compared and kept in this process.
MAX_FOUND_BYTES = 4 << 20


class NotJson(ValueError):
    """The text is not JSON that can be read; the message says so after a noun: `is not JSON`."""


def read(text: bytes) -> Json:
    """Return the value of a JSON text in any Unicode encoding, with all digits of whole numbers.

    Raises:
        NotJson: It is not JSON, or no value can hold it.
    """
    try:
        return read_json(text.decode(json.detect_encoding(text), "surrogatepass"))
    except UnfitJson as error:
        raise NotJson(f"cannot be used: {error}") from None
    except ValueError:
        raise NotJson("is not JSON") from None


async def first(program: str, text: bytes) -> tuple[Json, ...]:
    """Return what `query.first` does for the value of a large text.

    Raises:
        NotJson: As `read` does.
        QueryError: As `query.first` does, and when what is found is large itself.
    """
    from rocketship.processes.call import LimitExceeded, call

    try:
        return await call(MAX_SECONDS, look, program, text)
    except LimitExceeded as limit:
        raise query.QueryError(f"to read the document and find this {limit}") from None


def look(program: str, text: bytes) -> tuple[Json, ...]:
    """Return what `first` does, however long it takes.

    Raises:
        NotJson: As `read` does.
        QueryError: The program fails, or finds too much.
    """
    found = query.run_here(program, read(text))
    if found and len(to_ascii_json(found[0])) > MAX_FOUND_BYTES:
        limit = MAX_FOUND_BYTES >> 20
        raise query.QueryError(f"it finds more than {limit} MiB; let the program choose or count")
    return found
