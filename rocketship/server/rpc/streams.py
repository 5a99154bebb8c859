"""Waiting that ends when the server stops, and streams that beat while nothing happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from rocketship.server.health import Readiness, draining

T = TypeVar("T")

#: Proxies close streams that are silent for a minute or so.
HEARTBEAT_SECONDS = 15.0
_END = object()


async def until_stopping(
    source: AsyncGenerator[T], readiness: Readiness, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[T | None]:
    """Yield what the source does, and None whenever it was silent for `heartbeat` seconds.

    Raises:
        Draining: The server stops, and the source has not ended.
    """
    stop = asyncio.ensure_future(readiness.stopping.wait())
    upcoming: asyncio.Future[Any] | None = None
    try:
        async with aclosing(source):
            try:
                while True:
                    if upcoming is None:
                        upcoming = asyncio.ensure_future(anext(source, _END))
                    await asyncio.wait(
                        {upcoming, stop}, timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED
                    )
                    if upcoming.done():
                        item, upcoming = upcoming.result(), None
                        if item is _END:
                            return
                        yield item
                    elif stop.done():
                        raise draining()
                    else:
                        yield None
            finally:
                # The source cannot be closed while somebody waits for its next item.
                if upcoming is not None:
                    upcoming.cancel()
                    await asyncio.wait({upcoming})
    finally:
        stop.cancel()


async def unless_stopping(work: Coroutine[Any, Any, T], readiness: Readiness) -> T:
    """Return what some work does.

    Raises:
        Draining: The server stops, and the work has not ended.
    """
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(readiness.stopping.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise draining()
        return task.result()
    finally:
        task.cancel()
        stop.cancel()
        await asyncio.wait({task, stop})
