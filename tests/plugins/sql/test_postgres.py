"""Steps against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from rocketship.errors import ConfigError, ConnectionFailed, DatabaseError, StepTimeout
from rocketship.plugins import Outcome
from rocketship.plugins.sql.plugin import Sql
from tests.fixtures.postgres import PASSWORD, Cluster
from tests.plugins.calls import in_loop, make_call, run_step


def config(dsn: str, *commands: str, **more: Any) -> dict[str, Any]:
    return {"driver": "postgres", "dsn": dsn, "commands": list(commands), **more}


def run(dsn: str, *commands: str, **more: Any) -> Outcome:
    return run_step(Sql(), config(dsn, *commands, **more))


def row(outcome: Outcome, index: int = 0) -> dict[str, Any]:
    assert outcome.failure is None, outcome.failure
    first: dict[str, Any] = outcome.subject.queries[index].rows[0]
    return first


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("12.500::numeric", "12.500"),
        ("9007199254740993::bigint", 9007199254740993),
        ("1e6::float8", 1e6),
        ("'NaN'::float8", "NaN"),
        ("true", True),
        ("NULL::int", None),
        ("'{\"b\": 1}'::json", '{"b": 1}'),
        ("'{\"b\":1}'::jsonb", '{"b": 1}'),
        ("ARRAY[1,2]", "{1,2}"),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("'2025-01-02'::date", "2025-01-02"),
        ("'2025-01-02 03:04:05.5'::timestamp", "2025-01-02 03:04:05.5"),
        ("'1 day 2 hours'::interval", "1 day 02:00:00"),
        ("'10.0.0.1/8'::inet", "10.0.0.1/8"),
        ("'\\x00ff'::bytea", "\\x00ff"),
        ("'infinity'::timestamptz", "infinity"),
    ],
)
def test_value_is_what_the_database_prints(
    database_url: str, expression: str, expected: object
) -> None:
    assert row(run(database_url, f"SELECT {expression} AS v"))["v"] == expected


def test_statements_share_one_session(database_url: str) -> None:
    done = run(
        database_url,
        "CREATE TEMP TABLE t (id serial, n numeric)",
        "INSERT INTO t (n) VALUES (1.10), (2) RETURNING id",
        "UPDATE t SET n = 3",
        "SELECT n FROM t WHERE id = :id AND n::text LIKE '%'",
        params={"id": 1},
    )
    assert row(done, 1) == {"id": 1}
    assert [query.rows_affected for query in done.subject.queries] == [0, 2, 2, 0]
    assert row(done, 3) == {"n": "3"}


def test_empty_result_has_columns(database_url: str) -> None:
    query = run(database_url, "SELECT 1 AS a WHERE false").subject.queries[0]
    assert (list(query.columns), query.row_count) == (["a"], 0)


def test_command_may_hold_several_statements(database_url: str) -> None:
    assert row(run(database_url, "SELECT 1 AS a; SELECT 2 AS b;")) == {"b": 2}


def test_transaction_is_undone_by_a_failure(database_url: str) -> None:
    run(database_url, "CREATE TABLE t (a int UNIQUE)")
    done = run(
        database_url, "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)", transaction=True
    )
    assert isinstance(done.failure, DatabaseError)
    assert "Key (a)=(1) already exists" in done.failure.message
    assert row(run(database_url, "SELECT count(*) AS n FROM t")) == {"n": 0}


def test_missing_table_has_place_and_hint(postgres_cluster: Cluster, database: str) -> None:
    failure = run(postgres_cluster.url(database), "SELECT *\n  FROM absent").failure
    assert isinstance(failure, DatabaseError)
    where = f"postgres 127.0.0.1:{postgres_cluster.port}/{database}: query 0"
    assert failure.message == f'{where}: relation "absent" does not exist (line 2, column 8)'
    assert failure.hint


@pytest.mark.parametrize(
    ("dsn", "message", "hint"),
    [
        ("postgres://rocketship:wrong-one@127.0.0.1:{port}/postgres", "password", "user and pass"),
        ("host=127.0.0.1 port={port} user=rocketship password=" + PASSWORD, "exist", "database"),
        ("postgres://u:secret@127.0.0.1:1/x", "refused", "running"),
        ("postgres://u:secret@nowhere.invalid/x", "nowhere.invalid", "check the host"),
        ("postgres://rocketship@127.0.0.1:{port}/x?sslmode=require", "SSL", "sslmode"),
    ],
)
def test_connection_failure_says_what_to_check(
    postgres_cluster: Cluster, dsn: str, message: str, hint: str
) -> None:
    failure = run(dsn.format(port=postgres_cluster.port), "SELECT 1").failure
    assert isinstance(failure, ConnectionFailed)
    assert message in failure.message
    assert hint in (failure.hint or "")
    assert "secret" not in failure.message


def test_dsn_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="not one of PostgreSQL"):
        run("just words", "SELECT 1")


def test_timeout_ends_the_query_on_the_server(postgres_cluster: Cluster, database: str) -> None:
    done = run(postgres_cluster.url(database), "SELECT pg_sleep(60)", timeout="200ms")
    assert isinstance(done.failure, StepTimeout)
    check_ends(postgres_cluster)


def test_cancelled_step_ends_the_query_and_delays_nobody(
    postgres_cluster: Cluster, database: str
) -> None:
    plugin, dsn = Sql(), postgres_cluster.url(database)

    async def work() -> Outcome:
        sleep = make_call(plugin, config(dsn, "SELECT pg_sleep(60)"))
        sleeper = asyncio.create_task(plugin.run(sleep))
        while not await asyncio.to_thread(active, postgres_cluster):
            await asyncio.sleep(0.01)
        neighbour = await plugin.run(make_call(plugin, config(dsn, "SELECT 1 AS a")))
        sleeper.cancel()
        await asyncio.wait([sleeper])
        assert sleeper.cancelled()
        return neighbour

    assert row(in_loop(plugin, work)) == {"a": 1}
    check_ends(postgres_cluster)


def test_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"postgres://u:secret@127.0.0.1:{silent.getsockname()[1]}/x"
        begun = time.monotonic()
        failure = run(dsn, "SELECT 1", timeout="200ms").failure
    assert isinstance(failure, StepTimeout)
    assert time.monotonic() - begun < 5


def test_connection_that_the_server_ends_is_told(database_url: str) -> None:
    failure = run(database_url, "SELECT pg_terminate_backend(pg_backend_pid())").failure
    assert isinstance(failure, ConnectionFailed)
    assert "terminating connection" in failure.message


def test_nul_in_a_value_is_refused(database_url: str) -> None:
    failure = run(database_url, "SELECT :a AS a", params={"a": "x\0y"}).failure
    assert isinstance(failure, DatabaseError)


@pytest.mark.slow
def test_huge_result_is_counted_in_bounded_memory(database_url: str) -> None:
    sql = "SELECT repeat('x', 1000) AS a FROM generate_series(1, 100000)"
    query = run(database_url, sql).subject.queries[0]
    assert query.row_count == 100_000
    assert query.truncated


def active(postgres_cluster: Cluster) -> bool:
    sql = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    return bool(postgres_cluster.execute(sql))


def check_ends(postgres_cluster: Cluster) -> None:
    """Check that the query ends long before its time; a busy server takes a moment to see why."""
    deadline = time.monotonic() + 10
    while active(postgres_cluster):
        assert time.monotonic() < deadline


def test_password_of_the_environment_is_not_for_suites(
    postgres_cluster: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = conninfo_to_dict(postgres_cluster.url(database))
    monkeypatch.setenv("PGPASSWORD", str(words.pop("password")))
    dsn = " ".join(f"{name}={value}" for name, value in words.items())

    failure = run(dsn, "SELECT 1").failure

    assert failure is not None
    assert "password" in failure.message
