"""The composition root of commands: settings, plugins, and the engine behind the client port."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rocketship.cli.console import Console
from rocketship.settings import engine_settings

if TYPE_CHECKING:
    from rocketship.client.base import EngineClient
    from rocketship.plugins.registry import Registry
    from rocketship.run.events import Recorded
    from rocketship.store.base import RunRecord


def run_async(main: Coroutine[Any, Any, int]) -> int:
    """Run a command's coroutine to its end and return its exit code."""
    return asyncio.run(main)


def plugin_registry() -> Registry:
    """Return the plugins of this process, without those the operator switched off."""
    from rocketship.plugins.registry import Registry

    settings = engine_settings(os.environ, default_recovery="cleanup")
    return Registry(settings.disabled_plugins)


@asynccontextmanager
async def connect(console: Console) -> AsyncIterator[EngineClient]:
    """Open the engine this command works with, and finish what a killed process left behind.

    The recovered runs are carried to their end before the context is left.
    """
    from rocketship.client.local import open_local

    settings = engine_settings(os.environ, default_recovery="cleanup")
    async with open_local(settings, plugin_registry()) as client:
        tasks = [
            asyncio.create_task(_finish_recovery(console, client, record))
            for record in client.recovered
        ]
        try:
            yield client
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


async def _finish_recovery(console: Console, client: EngineClient, record: RunRecord) -> None:
    """Follow a run that was taken over, and say what became of it."""
    console.note(
        f'The process of run {record.id} ("{record.suite}") was killed; finishing its cleanup now.'
    )
    last: Recorded | None = None
    async for item in client.watch(record.id):
        last = item
    status = getattr(last.event, "status", None) if last else None
    console.note(f"Run {record.id} has ended: {status or 'unfinished'}.")
