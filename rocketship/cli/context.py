"""The composition root of commands: settings, plugins, and the engine behind the client port."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rocketship.cli.connection.endpoint import choose_engine
from rocketship.cli.console import Console
from rocketship.cli.interrupt import all_like_ctrl_c
from rocketship.errors import RocketshipError, UsageError
from rocketship.profiles.resolve import Connection
from rocketship.settings.engine import engine_settings

if TYPE_CHECKING:
    from rocketship.client.base import EngineClient
    from rocketship.client.channel import Endpoint
    from rocketship.plugins.registry import Registry
    from rocketship.run.events import Recorded
    from rocketship.store.base import RunRecord
    from rocketship.suite.load import LoadedSuite

T = TypeVar("T")


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end and return its result, mostly the exit code."""
    # Without --debug people get messages, not what libraries log.
    logging.lastResort = logging.NullHandler()
    return asyncio.run(_stoppable(main))


async def _stoppable(main: Coroutine[Any, Any, T]) -> T:
    with all_like_ctrl_c():
        return await main


def plugin_registry() -> Registry:
    """Return the plugins of this process, without those the operator switched off."""
    from rocketship.plugins.registry import Registry

    settings = engine_settings(os.environ, default_recovery="cleanup")
    plugins = Registry(settings.disabled_plugins)
    plugins.check_disabled()
    return plugins


def current_folder() -> Path:
    """Return the folder the command was started in.

    Raises:
        UsageError: It has been removed since.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        hint = "change to a folder that does"
        raise UsageError("the current folder does not exist any more", hint=hint) from None


@asynccontextmanager
async def connect(console: Console, connection: Connection) -> AsyncIterator[EngineClient]:
    """Open the engine a command works with; errors are those of choosing it and of using it."""
    async with open_engine(console, choose_engine(console, connection)) as client:
        yield client


@asynccontextmanager
async def open_engine(
    console: Console, endpoint: Endpoint | None, checked: Iterable[LoadedSuite] = ()
) -> AsyncIterator[EngineClient]:
    """Open an engine elsewhere, or one in this process.

    The latter first finishes what a killed process left behind: what is shown is then final, and
    what runs next finds no leftovers. Suites that are `checked` are not checked once more by it.
    """
    if endpoint is not None:
        from rocketship.client.remote import open_remote

        async with open_remote(endpoint, note=console.note, warn=console.warning) as remote:
            yield remote
        return
    from rocketship.client.local import open_local

    settings = engine_settings(os.environ, default_recovery="cleanup")
    async with open_local(settings, plugin_registry(), checked) as client:
        async with asyncio.TaskGroup() as group:
            for record in client.recovered:
                group.create_task(_finish_recovery(console, client, record, settings.recovery))
        yield client


async def _finish_recovery(
    console: Console, client: EngineClient, record: RunRecord, recovery: str
) -> None:
    """Follow a run that was taken over, and say what became of it."""
    doing = "resuming it" if recovery == "resume" else "finishing its cleanup"
    console.note(f'Run {record.id} ("{record.suite}") was left unfinished; {doing} now.')
    last: Recorded | None = None
    try:
        async for item in client.watch(record.id):
            last = item
    except RocketshipError as error:
        # What the command itself was asked for may still be possible.
        console.warning(f"run {record.id} could not be finished: {error.message}", error.hint)
        return
    status = getattr(last.event, "status", None) if last else None
    console.note(f"Run {record.id} has ended: {status or 'unfinished'}.")
