"""Checking what is large in a child: reading 60 MB of JSON, and comparing it with a schema, takes
seconds in which nothing else in this process would move.
"""

from __future__ import annotations

from itertools import islice

from rocketship.plugins.http.client import Reply, Request
from rocketship.plugins.http.contract.description import Contents, load
from rocketship.plugins.http.contract.schema import MAX_VIOLATIONS, Violation

#: How long a check in the child may take.
MAX_SECONDS = 30.0


async def violations(
    documents: Contents, request: Request, reply: Reply | None = None
) -> list[Violation]:
    """Return what a request breaks, or the reply to it when there is one.

    Raises:
        LimitExceeded: To find that out takes too long, or too much memory.
    """
    from rocketship.processes.call import call

    return await call(MAX_SECONDS, find, documents, request, reply)


def find(documents: Contents, request: Request, reply: Reply | None) -> list[Violation]:
    """Return what `violations` does, however long it takes, and no more than can be told."""
    description = load(documents)
    match = description.operations.find(request.method, request.url)
    assert match is not None, "it was found before"
    if reply is None:
        found = description.checker.request(match, request)
    else:
        found = description.checker.response(match.operation, reply)
    return list(islice(found, MAX_VIOLATIONS + 1))
