"""Puts the engine's side of the runtime together: a client, a backend, and a server if need be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from rocketship.runtime.ports import PlanSource, Recovery
from rocketship.runtime.temporal.backend import TemporalBackend
from rocketship.runtime.temporal.cluster.connection import names_address, open_client
from rocketship.runtime.temporal.cluster.server import development_server
from rocketship.runtime.temporal.codec import Seal
from rocketship.settings.temporal import TemporalSettings


@asynccontextmanager
async def open_backend(
    settings: TemporalSettings,
    sealer: Seal,
    *,
    plans: PlanSource,
    recovery: Recovery,
    folder: Path,
) -> AsyncIterator[TemporalBackend]:
    """Open the backend. A cluster that is away is no reason to wait: it is used once it is there.

    Args:
        settings: Which Temporal.
        sealer: Seals what Temporal keeps.
        plans: Where runs come from.
        recovery: What becomes of units whose workers are lost.
        folder: Where a server for development keeps its database.

    Raises:
        SettingsError: There is no server, or what is configured cannot be used.
        Infrastructure: The server for development does not start.
    """
    async with AsyncExitStack() as stack:
        if not names_address(settings):
            await stack.enter_async_context(development_server(settings, folder))
        client = await open_client(settings, sealer, lazy=True)
        yield TemporalBackend(client, settings, plans=plans, recovery=recovery)
