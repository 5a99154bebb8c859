"""Descriptions kept for the steps to come: each is read once, whoever asks for it at the time.

A file is what it holds, so it is kept by its bytes. What is behind a URL may change and is asked
for again when it is older than the step allows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable

from rocketship.dataclass import dataclass
from rocketship.plugins.http.contract.description import Description, load
from rocketship.plugins.http.contract.source.references import Documents, gather, refers_outward

MAX_DESCRIPTIONS = 32


@dataclass(frozen=True, slots=True)
class _Entry:
    task: asyncio.Task[Description]
    since: float


class Descriptions:
    """The descriptions of one event loop."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry] = {}

    async def of_file(self, location: str, read: Callable[[str], bytes]) -> Description:
        """Return the description in a file and in those it refers to.

        Args:
            location: The file.
            read: Returns a file's content, and raises ConfigError when it cannot.

        Raises:
            ConfigError: A document cannot be read or used.
        """
        content = read(location)
        if refers_outward(content):
            documents = await asyncio.to_thread(gather, location, read)
        else:
            documents = Documents(location, content)
        key = documents.key()

        async def make() -> Description:
            return await asyncio.to_thread(load, key)

        return await self._get(key, make, float("inf"))

    async def of_url(
        self,
        url: str,
        version: str,
        fetch: Callable[[str], Awaitable[bytes]],
        max_age_seconds: float,
    ) -> Description:
        """Return the description behind a URL, fetched when none young enough is known.

        Raises:
            ConfigError: A document cannot be used.
            StepError: `fetch` failed.
        """

        async def make() -> Description:
            documents = Documents(url, await fetch(url))
            while missing := await asyncio.to_thread(documents.missing):
                for location in missing:
                    documents.add(location, await fetch(location))
            return await asyncio.to_thread(load, documents.key())

        return await self._get((url, version), make, max_age_seconds)

    async def close(self) -> None:
        """Stop what is still being loaded."""
        tasks = [entry.task for entry in self._entries.values()]
        self._entries.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _get(
        self, key: Hashable, make: Callable[[], Awaitable[Description]], max_age: float
    ) -> Description:
        entry = self._entries.pop(key, None)
        if entry is None or _is_stale(entry, max_age):
            entry = _Entry(asyncio.ensure_future(make()), time.monotonic())
        self._entries[key] = entry  # behind all others: the first is the one longest unused
        if len(self._entries) > MAX_DESCRIPTIONS:
            oldest = next(iter(self._entries))
            self._entries.pop(oldest)
        # A step that is cancelled must not take the description from the others that wait for it.
        return await asyncio.shield(entry.task)


def _is_stale(entry: _Entry, max_age: float) -> bool:
    if not entry.task.done():
        return False
    failed = entry.task.cancelled() or entry.task.exception() is not None
    return failed or time.monotonic() - entry.since > max_age
