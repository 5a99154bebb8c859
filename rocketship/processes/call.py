"""Calling a function in a child, with a limit on its time and memory.

For what may take for ever and cannot be interrupted in this process: a jq program, a regular
expression, the check of a huge document. Everything else in this process goes on meanwhile.

    found = await call(1.0, search, pattern, text)

The function and its arguments go to the child, the result or the exception comes back, all of them
pickled; so the function must be one of a module, and its module should be quick to import. A call
costs about a tenth of a millisecond once a child is up, and thirty for the first.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from rocketship.processes.child import Child
from rocketship.processes.pool import Pool
from rocketship.values import format_duration

#: The most memory a call may use, its arguments included.
MEMORY_BYTES = 1 << 30
#: Larger requests are sent as they are.
LARGE_BYTES = 1 << 16
PROGRAM = Path(__file__).with_name("call_child.py")

_P = ParamSpec("_P")
_R = TypeVar("_R")

_pools: dict[asyncio.AbstractEventLoop, Pool] = {}


class LimitExceeded(Exception):
    """A call was ended because it needed too much; the message says of what."""


async def call(
    seconds: float, function: Callable[_P, _R], *arguments: _P.args, **named: _P.kwargs
) -> _R:
    """Return what a function returns that is called in a child.

    Args:
        seconds: How long it may take.
        function: A function that the names of its module and of itself lead to.
        arguments: What it is called with.
        named: What it is called with by name.

    Raises:
        LimitExceeded: It took longer, or needed more memory than `MEMORY_BYTES`.
        Exception: Whatever the function raises.
    """
    request = pickle.dumps((function, arguments, named), pickle.HIGHEST_PROTOCOL)
    try:
        async with _pool().child() as child, asyncio.timeout(seconds):
            await _send(child, request)
            reply = await child.exactly(int.from_bytes(await child.exactly(8)))
    except TimeoutError:
        raise LimitExceeded(f"took more than {format_duration(seconds)}") from None
    except EOFError:
        # Libraries in C end their process when they get no memory.
        raise _out_of_memory() from None
    returned, result = pickle.loads(reply)
    if returned:
        return cast(_R, result)
    if isinstance(result, MemoryError):
        raise _out_of_memory()
    raise result


def call_and_wait(
    seconds: float, function: Callable[_P, _R], *arguments: _P.args, **named: _P.kwargs
) -> _R:
    """Do what `call` does for those that are no coroutines, in a child of its own.

    Raises:
        LimitExceeded: It took longer, or needed more memory than `MEMORY_BYTES`.
        Exception: Whatever the function raises.
    """

    async def alone() -> _R:
        try:
            return await call(seconds, function, *arguments, **named)
        finally:
            _pools.pop(asyncio.get_running_loop()).close()

    # In a thread, because whoever waits may do so in a loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(alone())).result()


async def _send(child: Child, request: bytes) -> None:
    head = len(request).to_bytes(8)
    if len(request) > LARGE_BYTES:
        # To copy it once more would keep everybody waiting.
        await child.send(head)
        head = b""
    await child.send(head + request)


def _pool() -> Pool:
    loop = asyncio.get_running_loop()
    pool = _pools.get(loop)
    if pool is None:
        for other in [other for other in _pools if other.is_closed()]:
            _pools.pop(other).close()
        pool = _pools[loop] = Pool(PROGRAM, [json.dumps(sys.path), str(MEMORY_BYTES)])
    return pool


def _out_of_memory() -> LimitExceeded:
    return LimitExceeded(f"needed more than {MEMORY_BYTES >> 20} MiB of memory")
