"""SQLite steps: results, assertions' values, failures and limits."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from rocketship.errors import ConfigError, DatabaseError, StepTimeout
from rocketship.plugins import Outcome
from rocketship.plugins.sql.observables import value_matches
from rocketship.plugins.sql.plugin import Sql
from rocketship.plugins.sql.result import MAX_ROWS
from rocketship.plugins.sql.session import MAX_CONNECTIONS
from tests.plugins.calls import Lines, in_loop, make_call, run_step

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


def run(*commands: str, dsn: str = ":memory:", **options: Any) -> Outcome:
    config = {"driver": "sqlite", "dsn": dsn, "commands": list(commands)}
    return run_step(Sql(), config | options.pop("config", {}), **options)


def rows(outcome: Outcome, index: int = 0) -> list[dict[str, Any]]:
    assert outcome.failure is None, outcome.failure
    kept: list[dict[str, Any]] = outcome.subject.queries[index].rows
    return kept


def test_step_has_one_connection() -> None:
    done = run("CREATE TEMP TABLE t (a)", "INSERT INTO t VALUES (1), (2)", "SELECT * FROM t")
    assert done.subject.queries[1].rows_affected == 2
    assert rows(done, 2) == [{"a": 1}, {"a": 2}]


def test_values_keep_their_types_and_digits() -> None:
    done = run("SELECT 9007199254740993 i, 1.5 f, 'x' t, NULL n, x'00ff' b, 9e999 inf")
    assert rows(done) == [
        {"i": 9007199254740993, "f": 1.5, "t": "x", "n": None, "b": "0x00ff", "inf": "inf"}
    ]


@pytest.mark.parametrize("statement", ["PRAGMA user_version", "VALUES (1)", "/* x */ SELECT 1"])
def test_any_statement_may_return_rows(statement: str) -> None:
    assert len(rows(run(statement))) == 1


def test_returning_has_rows_and_word_in_text_does_not() -> None:
    done = run("CREATE TABLE t (a)", "INSERT INTO t VALUES ('RETURNING') RETURNING a")
    assert rows(done, 1) == [{"a": "RETURNING"}]


def test_params_are_bound() -> None:
    params = {"name": "'; DROP TABLE t; --", "list": [1, 2]}
    done = run("SELECT :name AS n, :list AS l", config={"params": params})
    assert rows(done) == [{"n": params["name"], "l": "[1,2]"}]


def test_param_without_statement_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"params\.id: no statement has :id"):
        run("SELECT ':id'", config={"params": {"id": 1}})


@pytest.mark.parametrize(
    ("statement", "params", "message"),
    [
        ("SELECT :p", {}, "the statement has a parameter p for which `params` has no value"),
        ("SELECT :id, :p", {"id": 1}, "the statement has a parameter p for which"),
        ("SELECT ?", {}, "the statement has a placeholder for a value that has no name"),
        ("SELECT :id, $x", {"id": 1}, "the statement has a placeholder for a value"),
    ],
)
def test_statement_with_a_parameter_without_value_fails_with_its_name(
    statement: str, params: dict[str, int], message: str
) -> None:
    failure = run(statement, config={"params": params}).failure
    assert isinstance(failure, DatabaseError)
    assert failure.message.startswith(f"sqlite :memory:: query 0: {message}")
    assert "params" in (failure.hint or "")


def test_transaction_is_undone_by_a_failure(tmp_path: Path) -> None:
    dsn = str(tmp_path / "data.db")
    run("CREATE TABLE t (a)", dsn=dsn)
    config = {"transaction": True}
    done = run("INSERT INTO t VALUES (1)", "SELECT * FROM absent", dsn=dsn, config=config)
    assert isinstance(done.failure, DatabaseError)
    assert rows(run("SELECT * FROM t", dsn=dsn)) == []
    run("INSERT INTO t VALUES (1)", dsn=dsn, config=config)
    assert rows(run("SELECT * FROM t", dsn=dsn)) == [{"a": 1}]


def test_failure_names_database_query_and_place() -> None:
    failure = run("SELECT 1", "SELECT *\nFORM t").failure
    assert isinstance(failure, DatabaseError)
    assert failure.message.startswith(
        'sqlite :memory:: query 1: near "FORM": syntax error (line 2,'
    )


def test_first_failure_ends_the_step_unless_successes_are_counted() -> None:
    commands = ("SELECT * FROM absent", "SELECT 1")
    assert len(run(*commands).subject.queries) == 1
    counted = run(*commands, asserted=frozenset({"success_count"}))
    assert counted.failure is None
    assert (len(counted.subject.queries), counted.subject.success_count) == (2, 1)


def test_file_is_split_and_templates_are_left_alone_unless_asked(tmp_path: Path) -> None:
    config = {"driver": "sqlite", "dsn": ":memory:", "file": "a.sql"}
    files = {"a.sql": b"SELECT '{{ 1 }}' AS a; -- x\nSELECT ';' AS b;"}
    done = run_step(Sql(), config, files=files)
    assert [query.rows for query in done.subject.queries] == [[{"a": "{{ 1 }}"}], [{"b": ";"}]]
    files = {"a.sql": b"SELECT '{{ \"x\" | upper }}' AS a"}
    done = run_step(Sql(), config | {"template": True}, files=files)
    assert rows(done) == [{"a": "X"}]


@pytest.mark.slow
def test_large_result_is_counted_but_not_kept() -> None:
    lines = Lines()
    series = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000)"
    query = run(f"{series} SELECT i FROM n", log=lines).subject.queries[0]
    assert (query.row_count, len(query.rows), query.truncated) == (50000, MAX_ROWS, True)
    assert lines.of("sql") == ["the result is too large: 10000 of 50000 rows of query 0 were kept"]


def test_timeout_ends_the_statement() -> None:
    begun = time.monotonic()
    failure = run(ENDLESS, config={"timeout": "100ms"}).failure
    assert isinstance(failure, StepTimeout)
    assert "query 0 took longer than 100ms" in failure.message
    assert time.monotonic() - begun < 5


def test_cancelled_statement_ends_and_delays_nobody() -> None:
    plugin = Sql()

    async def work() -> Outcome:
        config = {"driver": "sqlite", "dsn": ":memory:"}
        endless = asyncio.create_task(
            plugin.run(make_call(plugin, config | {"commands": [ENDLESS]}))
        )
        neighbour = await plugin.run(make_call(plugin, config | {"commands": ["SELECT 1 AS a"]}))
        endless.cancel()
        await asyncio.wait([endless])
        assert endless.cancelled()
        return neighbour

    assert rows(in_loop(plugin, work)) == [{"a": 1}]


def test_steps_at_once_are_bounded_and_all_get_their_turn() -> None:
    plugin = Sql()
    begun: list[int] = []

    async def work() -> tuple[int, list[Outcome]]:
        config = {"driver": "sqlite", "dsn": ":memory:"}
        endless = [
            asyncio.create_task(plugin.run(make_call(plugin, config | {"commands": [ENDLESS]})))
            for _ in range(MAX_CONNECTIONS)
        ]
        await asyncio.sleep(0)
        threads = sum(thread.name == "rocketship-sql" for thread in threading.enumerate())
        waiting = asyncio.create_task(
            plugin.run(make_call(plugin, config | {"commands": ["SELECT 1 AS a"]}))
        )
        await asyncio.sleep(0)
        begun.append(sum(thread.name == "rocketship-sql" for thread in threading.enumerate()))
        for task in endless:
            task.cancel()
        return threads, [await waiting]

    threads, done = in_loop(plugin, work)

    assert begun == [threads]
    assert rows(done[0]) == [{"a": 1}]


@pytest.mark.parametrize(
    ("actual", "expected", "matches"),
    [
        (1_000_000, 1_000_000, True),
        (1, "1", True),
        ("12.50", 12.5, True),
        ("12.50", "12.5", False),
        ("007", 7, False),
        (None, None, True),
        (None, "", False),
        (True, "true", True),
        (1, True, False),
        ("{{ placeholder }}", "{{ placeholder }}", True),
    ],
)
def test_column_value_equals_what_the_database_prints(
    actual: Any, expected: Any, matches: bool
) -> None:
    assert value_matches(actual, expected) is matches


@pytest.mark.parametrize(
    ("commands", "safe"),
    [
        (["SELECT 1"], True),
        (["SELECT 1", "DELETE FROM t"], False),
        (["SELECT 1; DELETE FROM t"], False),
    ],
)
def test_only_reads_may_be_repeated(commands: list[str], safe: bool) -> None:
    config = {"driver": "sqlite", "commands": commands}
    assert Sql().replay_safe(config) is safe
