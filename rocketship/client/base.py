"""The port through which every command talks to an engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from rocketship.engine.service import Cancellation, RunDetails
from rocketship.run.events import Recorded
from rocketship.run.spec import RunSpec
from rocketship.store.base import RunFilter, RunPage, RunRecord


class EngineClient(Protocol):
    """An engine, wherever it is; every implementation raises the errors of `rocketship.errors`."""

    async def create_run(
        self, spec: RunSpec, env: Mapping[str, str], *, idempotency_key: str = ""
    ) -> str:
        """Check and start a run; return its id at once."""
        ...

    def watch(self, run_id: str, after_seq: int = 0) -> AsyncIterator[Recorded]:
        """Yield a run's events after a sequence number, until the run has ended."""
        ...

    async def get_run(self, prefix: str) -> RunDetails:
        """Return a run by its id or a unique beginning of it."""
        ...

    async def get_spec(self, prefix: str) -> RunSpec:
        """Return what was to be run, without the secrets."""
        ...

    async def list_runs(self, query: RunFilter) -> RunPage:
        """Return a page of runs."""
        ...

    async def cancel_run(self, prefix: str, *, reason: str, force: bool = False) -> Cancellation:
        """Stop a run; its cleanup runs unless `force` is set. Harmless for one that has ended."""
        ...

    async def delete_run(self, prefix: str) -> str:
        """Remove an ended run from history; return its id."""
        ...

    @property
    def recovered(self) -> tuple[RunRecord, ...]:
        """Runs of killed processes that this connection took over and is cleaning up."""
        ...
