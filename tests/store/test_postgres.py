from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rocketship.store.postgres.store import PostgresStore
from tests.contracts.run_store import RunStoreContract
from tests.fixtures.postgres import database_at


@asynccontextmanager
async def postgres_store(url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(database_at(url))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


class TestPostgresStore(RunStoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, database_url: str) -> None:
        self.url = database_url

    def open_store(self, folder: object):
        return postgres_store(self.url)
