"""Builds an engine from its settings: the one place where its parts meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from rocketship.dataclass import dataclass
from rocketship.engine.activity import Activity
from rocketship.engine.dispatch import Dispatch
from rocketship.engine.hub import Hub
from rocketship.engine.local_runs import LocalRuns
from rocketship.engine.peers.fleet import Fleet
from rocketship.engine.peers.neighbours import Neighbours
from rocketship.engine.peers.ownership import Owner
from rocketship.engine.peers.port import Peers
from rocketship.engine.planning import Planner
from rocketship.engine.recorder import Recorder
from rocketship.engine.reports import Intake
from rocketship.engine.sealed_spec import SealedSpecs
from rocketship.engine.service import RunService
from rocketship.errors import SettingsError, StoreError
from rocketship.plugins.registry import Registry
from rocketship.runtime.embedded.backend import EmbeddedBackend
from rocketship.runtime.ports import Recovery
from rocketship.settings.engine import EngineSettings
from rocketship.store.base import RunRecord, RunStore
from rocketship.store.retention import removing_old_runs
from rocketship.store.sealing import CHECK_FILE, Sealer, check_key, derived_key, key_from_file
from rocketship.store.sqlite.store import FILE_NAME, SqliteStore
from rocketship.suite.load import LoadedSuite


@dataclass(frozen=True, slots=True)
class Engine:
    """A working engine; `recovered` are runs of killed processes it goes on with."""

    service: RunService
    backend: EmbeddedBackend
    hub: Hub
    activity: Activity
    recovered: tuple[RunRecord, ...]


@asynccontextmanager
async def open_engine(
    settings: EngineSettings, plugins: Registry, checked: Iterable[LoadedSuite] = ()
) -> AsyncIterator[Engine]:
    """Open the engine over the settings' data folder; leaving evicts what still runs.

    Args:
        settings: How it works.
        plugins: The plugins there are.
        checked: Suites about to be run that this process has loaded already.

    Raises:
        StoreError: The data folder, the database or the encryption key cannot be used.
    """
    if settings.encryption_key.reveal() and (settings.data_dir / CHECK_FILE).exists():
        # A wrong key is a mistake of whoever starts this, not of the first run that has a secret.
        encryption_key(settings)
    store, peers = await _open_store(settings)
    hub = Hub()
    activity = Activity(store, hub)
    sealer = Sealer(lambda: encryption_key(settings))
    recorder = Recorder(store, hub, sealer)
    specs = SealedSpecs(store, sealer)
    planner = Planner(plugins, checked)
    local = LocalRuns(
        store=store,
        hub=hub,
        recorder=recorder,
        specs=specs,
        planner=planner,
        together=peers.together,
    )
    service = RunService(
        store=store,
        hub=hub,
        recorder=recorder,
        specs=specs,
        planner=planner,
        local=local,
        peers=peers,
    )
    backend = EmbeddedBackend(
        plans=local,
        sink=recorder,
        journal=recorder,
        plugins=plugins,
        max_parallel_tests=settings.max_parallel_tests,
    )
    try:
        local.use(backend)
        async with _dispatch(settings, store, hub, sealer, service):
            recovered = await peers.join(local)
            with removing_old_runs(store, settings.retention_days):
                yield Engine(service, backend, hub, activity, tuple(recovered))
    finally:
        peers.rest()
        await backend.close()
        await service.settle()
        await activity.close()
        await plugins.close()
        await peers.leave()
        await store.close()


@asynccontextmanager
async def _dispatch(
    settings: EngineSettings, store: RunStore, hub: Hub, sealer: Sealer, service: RunService
) -> AsyncIterator[None]:
    """Have the distributed runtime, if there is to be one, for as long as the context lasts."""
    if settings.temporal is None:
        yield
        return
    try:
        from rocketship.runtime.temporal.assemble import open_backend
    except ImportError as error:
        raise no_temporal(error) from None
    dispatch = Dispatch(store, Intake(store, hub, sealer), service.stored_source)
    async with open_backend(
        settings.temporal,
        sealer,
        plans=dispatch,
        recovery=Recovery(settings.recovery),
        folder=settings.data_dir,
    ) as backend:
        dispatch.use(backend)
        service.hand_to(dispatch)
        patrol = asyncio.create_task(dispatch.patrol())
        try:
            yield
        finally:
            patrol.cancel()
            await asyncio.wait({patrol})


async def _open_store(settings: EngineSettings) -> tuple[RunStore, Peers]:
    recovery = Recovery(settings.recovery)
    if settings.database is None:
        owner = Owner(settings.data_dir)
        file = settings.data_dir / FILE_NAME
        store = SqliteStore(file, full_sync=settings.journal_full_sync)
        return store, Neighbours(owner, store, recovery)
    try:
        from rocketship.store.postgres.store import PostgresStore
    except ImportError as error:
        hint = "install it with: pip install 'rocketship[postgres]'"
        raise StoreError(f"PostgreSQL needs psycopg: {error}", hint=hint) from None
    shared = PostgresStore(settings.database)
    await shared.open()
    try:
        await shared.check_key(derived_key(settings.encryption_key.reveal()))
    except StoreError:
        await shared.close()
        raise
    return shared, Fleet(shared, recovery)


def no_temporal(error: ImportError) -> SettingsError:
    """Return the error for whoever asks for the distributed runtime without its library."""
    hint = "install it with: pip install 'rocketship[temporal]'"
    return SettingsError(f"ROCKETSHIP_BACKEND=temporal needs temporalio: {error}", hint=hint)


def encryption_key(settings: EngineSettings) -> bytes:
    """Return what secrets are sealed with.

    Raises:
        StoreError: The key file cannot be used.
    """
    configured = settings.encryption_key.reveal()
    key = derived_key(configured) if configured else key_from_file(settings.data_dir)
    check_key(settings.data_dir, key)
    return key
