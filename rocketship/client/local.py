"""An engine in this process: no port is opened, and nothing needs to be installed or started."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from rocketship.engine.assemble import Engine, open_engine
from rocketship.engine.service import Cancellation, RunDetails
from rocketship.plugins.registry import Registry
from rocketship.run.events import Recorded
from rocketship.run.spec import RunSpec
from rocketship.settings.engine import EngineSettings
from rocketship.store.base import RunFilter, RunPage, RunRecord
from rocketship.suite.load import LoadedSuite


class LocalClient:
    """An EngineClient over an engine in this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._service = engine.service

    async def create_run(
        self, spec: RunSpec, env: Mapping[str, str], *, idempotency_key: str = ""
    ) -> str:
        return await self._service.create_run(spec, env, idempotency_key=idempotency_key)

    def watch(self, run_id: str, after_seq: int = 0) -> AsyncIterator[Recorded]:
        return self._service.watch(run_id, after_seq)

    async def get_run(self, prefix: str) -> RunDetails:
        return await self._service.get_run(prefix)

    async def get_spec(self, prefix: str) -> RunSpec:
        return await self._service.get_spec(prefix)

    async def list_runs(self, query: RunFilter) -> RunPage:
        return await self._service.list_runs(query)

    async def cancel_run(self, prefix: str, *, reason: str, force: bool = False) -> Cancellation:
        return await self._service.cancel_run(prefix, reason=reason, force=force)

    async def delete_run(self, prefix: str) -> str:
        return await self._service.delete_run(prefix)

    @property
    def recovered(self) -> tuple[RunRecord, ...]:
        return self._engine.recovered


@asynccontextmanager
async def open_local(
    settings: EngineSettings, plugins: Registry, checked: Iterable[LoadedSuite] = ()
) -> AsyncIterator[LocalClient]:
    """Open an engine over the settings' data folder for as long as the context lasts.

    Suites that are `checked` are not read and checked once more to be run.

    Raises:
        StoreError: The data folder or the database cannot be used.
    """
    async with open_engine(settings, plugins, checked) as engine:
        yield LocalClient(engine)
