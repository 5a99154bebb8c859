"""The program that calls functions for another process, one after the other."""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
from typing import Any, BinaryIO


def main() -> None:
    """Serve until the other side hangs up."""
    sys.path[:] = json.loads(sys.argv[1])
    limit_memory(int(sys.argv[2]))
    requests = sys.stdin.buffer
    replies = os.fdopen(os.dup(1), "wb")
    # What a library prints must not end up between the replies.
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 1)
    replies.write(b"ready\n")
    replies.flush()
    while size := requests.read(8):
        write(replies, answer(requests.read(int.from_bytes(size))))


def limit_memory(size: int) -> None:
    """Let this process have no more memory than so many bytes, where the system can do that."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def answer(request: bytes) -> bytes:
    """Make the call that is asked for; return the reply."""
    try:
        function, arguments, named = pickle.loads(request)
        return reply(True, function(*arguments, **named))
    except Exception as error:
        return reply(False, error)


def reply(returned: bool, result: Any) -> bytes:
    """Return a result or an exception in the form in which it travels."""
    return pickle.dumps((returned, result), pickle.HIGHEST_PROTOCOL)


def write(replies: BinaryIO, content: bytes) -> None:
    """Send a reply."""
    replies.write(len(content).to_bytes(8))
    replies.write(content)
    replies.flush()


if __name__ == "__main__":
    main()
