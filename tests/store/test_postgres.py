from __future__ import annotations

import asyncio
import random
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import psycopg
import pytest

from rocketship.errors import StoreError
from rocketship.run.events import Recorded, TestFinished
from rocketship.run.status import Status
from rocketship.store.base import Bell, RunFilter
from rocketship.store.postgres.database import MAX_CONNECTIONS as MAX
from rocketship.store.postgres.database import Connection
from rocketship.store.postgres.leases import MAX_ADOPTED
from rocketship.store.postgres.listener import HEAL_SECONDS
from rocketship.store.postgres.migrate import migrations
from rocketship.store.postgres.store import PostgresStore
from rocketship.store.postgres.sweeping import RUNS_AT_ONCE, SWEEP_LOCK
from rocketship.store.sealing import derived_key
from tests.contracts.run_store import RunStoreContract, ended, new_run, record
from tests.fixtures.postgres import PASSWORD, Cluster, database_at


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


def with_store(url: str, body: Callable[[PostgresStore], Awaitable[None]]) -> None:
    async def main() -> None:
        async with postgres_store(url) as store:
            await body(store)

    asyncio.run(main())


def refusal(url: str, monkeypatch: pytest.MonkeyPatch, patience: float = 0.5) -> StoreError:
    """Return why a store cannot be opened."""
    monkeypatch.setattr("rocketship.store.postgres.database.START_SECONDS", patience)

    async def main() -> None:
        async with postgres_store(url):
            pass

    with pytest.raises(StoreError) as caught:
        asyncio.run(main())
    assert PASSWORD not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


def test_stores_that_open_at_once_migrate_once(
    postgres_cluster: Cluster, database: str, database_url: str
) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            opening = (stack.enter_async_context(postgres_store(database_url)) for _ in range(4))
            await asyncio.gather(*opening)

    asyncio.run(main())
    assert postgres_cluster.execute("SELECT version FROM schema_version", database) == [
        (number,) for number in range(1, len(migrations()) + 1)
    ]


def test_runs_of_an_older_release_are_found(
    postgres_cluster: Cluster, database: str, database_url: str
) -> None:
    postgres_cluster.execute(migrations()[0], database)
    postgres_cluster.execute("CREATE TABLE schema_version (version int NOT NULL)", database)
    postgres_cluster.execute("INSERT INTO schema_version VALUES (1)", database)
    postgres_cluster.execute(
        "INSERT INTO run (id, suite, file, status, created_at, ended_at, message, branch, context)"
        " VALUES ('01a', 'Shop', 'a.yaml', 'FAILED', 1, 2, 'No Stock', 'main',"
        """ '{"branch": "Main", "commit": "C0FFEE"}')""",
        database,
    )

    async def main() -> None:
        async with postgres_store(database_url) as store:
            for query in (RunFilter(suite="shop"), RunFilter(text="stock"), RunFilter(text="c0ff")):
                page = await store.list_runs(query)
                assert [run.id for run in page.runs] == ["01a"], query

    asyncio.run(main())


def test_database_of_a_newer_program_is_refused_with_its_version(
    postgres_cluster: Cluster, database: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_cluster.execute("CREATE TABLE schema_version (version int NOT NULL)", database)
    postgres_cluster.execute("INSERT INTO schema_version VALUES (99)", database)

    error = refusal(database_url, monkeypatch)

    assert (
        f"the PostgreSQL database {database} at 127.0.0.1:{postgres_cluster.port}" in error.message
    )
    assert "version 99, newer than this program" in error.message


def test_database_belongs_to_the_first_key_until_that_is_lost(
    postgres_cluster: Cluster, database: str, database_url: str
) -> None:
    first, other = derived_key("first"), derived_key("other")

    async def body(store: PostgresStore) -> None:
        await asyncio.gather(store.check_key(first), store.check_key(first))
        with pytest.raises(StoreError, match=f"secret in the PostgreSQL database {database}") as no:
            await store.check_key(other)
        statement = re.search("`(.*)`", no.value.hint or "")
        assert statement
        postgres_cluster.execute(statement[1], database)
        await store.check_key(other)
        with pytest.raises(StoreError):
            await store.check_key(first)

    with_store(database_url, body)


def test_wrong_password_is_told_at_once_and_not_shown(
    postgres_cluster: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_cluster.url(database, password="hunter2-is-not-it")

    error = refusal(url, monkeypatch, patience=60)

    assert "password authentication failed" in error.message
    assert "hunter2" not in error.message
    assert "ROCKETSHIP_DATABASE_URL" in (error.hint or "")


def test_missing_database_is_told_at_once(
    postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refusal(postgres_cluster.url("nowhere"), monkeypatch, patience=60)

    assert 'database "nowhere" does not exist' in error.message


def test_server_that_never_answers_is_given_up(
    postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    error = refusal(postgres_cluster.url("nowhere", port=port), monkeypatch)

    assert "Connection refused" in error.message


def test_exhausted_connections_are_told_and_leave_the_lease_alive(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(store: PostgresStore) -> None:
        await store.leases.take("me")
        holding = asyncio.Semaphore(0)
        enough = asyncio.Event()

        async def hold(connection: Connection) -> None:
            holding.release()
            await enough.wait()

        held = [asyncio.ensure_future(store._database.perform(hold)) for _ in range(MAX)]
        for _ in held:
            await holding.acquire()
        monkeypatch.setattr("rocketship.store.postgres.database.CALL_SECONDS", 0.2)
        with pytest.raises(StoreError, match="no connection .* became free in time"):
            await store._database.perform(hold, patience=0)
        monkeypatch.undo()
        assert await store.leases.renew("me")
        enough.set()
        await asyncio.gather(*held)
        assert await store.unfinished() == []

    with_store(database_url, body)


def test_statement_that_takes_too_long_is_ended(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleep(connection: Connection) -> None:
        await connection.execute("SET statement_timeout = '50ms'")
        await connection.execute("SELECT pg_sleep(60)")

    async def body(store: PostgresStore) -> None:
        with pytest.raises(StoreError, match="took too long"):
            await store._database.perform(sleep, patience=0)

    with_store(database_url, body)


def test_work_beyond_the_limits_of_the_server_is_not_tried_again(database_url: str) -> None:
    # What cannot be compressed has no place in an index.
    key = random.Random(1).randbytes(3000).hex()

    async def body(store: PostgresStore) -> None:
        with pytest.raises(StoreError, match="failed: index row size"):
            await store.create_run(new_run(record(), idempotency_key=key))

    with_store(database_url, body)


def test_only_one_engine_sweeps_at_a_time(
    postgres_cluster: Cluster, database: str, database_url: str
) -> None:
    runs = [record(float(number)) for number in range(RUNS_AT_ONCE + 5)]

    async def body(store: PostgresStore) -> None:
        for run in runs:
            await store.create_run(new_run(run))
            await store.append(run.id, [], end=ended(run, ended_at=10.0))
        async with await psycopg.AsyncConnection.connect(database_url) as other:
            await other.execute("SELECT pg_advisory_xact_lock(%s)", (SWEEP_LOCK,))
            assert await store.delete_ended_before(15.0) == 0
        assert await store.delete_ended_before(15.0) == len(runs)

    with_store(database_url, body)
    assert postgres_cluster.execute("SELECT count(*) FROM event", database) == [(0,)]


def test_lost_runs_are_divided_and_never_adopted_twice(
    postgres_cluster: Cluster, database: str, database_url: str
) -> None:
    runs = [record(float(n), owner="dead") for n in range(MAX_ADOPTED + 10)]
    mine, nobodys = record(owner="one"), record(owner="")

    async def body(store: PostgresStore) -> None:
        for name in ("one", "two", "dead"):
            await store.leases.take(name)
        for run in (*runs, mine, nobodys):
            await store.create_run(new_run(run))
        assert await store.leases.adopt("one") == []
        await store.leases.give_up("dead")
        adopted: list[str] = []
        while len(adopted) < len(runs):
            both = (store.leases.adopt("one"), store.leases.adopt("two"))
            adopted += [run.id for found in await asyncio.gather(*both) for run in found]
        assert sorted(adopted) == sorted(run.id for run in runs)
        assert await store.leases.adopt("two") == []
        assert {run.id: run.owner for run in await store.unfinished()}[nobodys.id] == ""
        assert not await store.leases.renew("dead")

    with_store(database_url, body)


def test_listener_hears_again_after_its_connection_was_lost(
    postgres_cluster: Cluster, database: str, database_url: str
) -> None:
    run = record()
    event = Recorded(2, TestFinished(1.0, "t-0", 1, "A", Status.PASSED, 0.1))

    async def heard(store: PostgresStore, bell: Bell, seq: int) -> None:
        async with asyncio.timeout(HEAL_SECONDS / 2):
            await store.append(run.id, [replace(event, seq=seq)])
            await bell.wait()

    async def body(store: PostgresStore) -> None:
        await store.create_run(new_run(run))
        with store.listen(run.id) as bell:
            await bell.wait()
            await heard(store, bell, 2)
            kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^LISTEN'"
            await asyncio.to_thread(postgres_cluster.execute, kill, database)
            await bell.wait()
            await heard(store, bell, 3)

    with_store(database_url, body)
