"""Steps against a real MariaDB."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from rocketship.errors import ConfigError, ConnectionFailed, DatabaseError, StepTimeout
from rocketship.plugins import Outcome
from rocketship.plugins.sql.plugin import Sql
from tests.fixtures.mariadb import PASSWORD, MariaDb
from tests.plugins.calls import run_step


def run(dsn: str, *commands: str, **more: Any) -> Outcome:
    given = {"driver": "mysql", "dsn": dsn, "commands": list(commands)}
    return run_step(Sql(), given | more)


def row(outcome: Outcome, index: int = 0) -> dict[str, Any]:
    assert outcome.failure is None, outcome.failure
    first: dict[str, Any] = outcome.subject.queries[index].rows[0]
    return first


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("CAST(12.500 AS DECIMAL(10,3))", "12.500"),
        ("9007199254740993", 9007199254740993),
        ("1e6", 1e6),
        ("TRUE", 1),
        ("NULL", None),
        ("'Grüße 🚀'", "Grüße 🚀"),
        ("CAST('2025-01-02' AS DATE)", "2025-01-02"),
        ("CAST('2025-01-02 03:04:05' AS DATETIME)", "2025-01-02 03:04:05"),
        ("CAST('26:00:00' AS TIME)", "26:00:00"),
        ("JSON_OBJECT('a', 1)", '{"a": 1}'),
        ("x'00ff'", "0x00ff"),
        ("UUID_SHORT() > 0", 1),
    ],
)
def test_value_is_what_the_database_prints(
    mariadb_dsn: str, expression: str, expected: object
) -> None:
    assert row(run(mariadb_dsn, f"SELECT {expression} AS v"))["v"] == expected


def test_statements_share_one_session(mariadb_dsn: str) -> None:
    done = run(
        mariadb_dsn,
        "CREATE TEMPORARY TABLE t (id int AUTO_INCREMENT PRIMARY KEY, n text)",
        "INSERT INTO t (n) VALUES (:n), ('50%')",
        "SELECT n FROM t WHERE n = :n",
        "SHOW COLUMNS FROM t",
        params={"n": "O'Hara; \\"},
    )
    assert done.subject.queries[1].rows_affected == 2
    assert row(done, 2) == {"n": "O'Hara; \\"}
    assert row(done, 3)["Field"] == "id"


def test_file_with_routines_works_with_and_without_delimiter(mariadb_dsn: str) -> None:
    body = b"BEGIN\n IF a > 1 THEN SELECT 'many' AS v; ELSE SELECT 'one' AS v; END IF;\nEND"
    script = (
        b"CREATE PROCEDURE p(a int) " + body + b";\nDELIMITER //\nCREATE PROCEDURE q(a int) "
        b"" + body + b" //\nDELIMITER ;\nCALL p(2); CALL q(1);"
    )
    given = {"driver": "mariadb", "dsn": mariadb_dsn, "file": "a.sql"}
    done = run_step(Sql(), given, files={"a.sql": script})
    assert (row(done, 2), row(done, 3)) == ({"v": "many"}, {"v": "one"})


def test_transaction_is_undone_by_a_failure(mariadb_dsn: str) -> None:
    run(mariadb_dsn, "CREATE TABLE t (a int)")
    done = run(mariadb_dsn, "INSERT INTO t VALUES (1)", "SELEKT 1", transaction=True)
    assert isinstance(done.failure, DatabaseError)
    assert row(run(mariadb_dsn, "SELECT count(*) AS n FROM t")) == {"n": 0}


def test_failures_have_hints(mariadb: MariaDb, mariadb_dsn: str) -> None:
    failure = run(mariadb_dsn, "SELECT * FROM absent").failure
    assert isinstance(failure, DatabaseError)
    assert failure.hint
    failure = run(mariadb.dsn("x", password="wrong-one"), "SELECT 1").failure
    assert isinstance(failure, ConnectionFailed)
    assert failure.hint == "check user and password in the dsn"
    failure = run("u:p@tcp(127.0.0.1:1)/x", "SELECT 1").failure
    assert isinstance(failure, ConnectionFailed)
    assert "127.0.0.1:1" in failure.message


def test_url_is_a_dsn_too(mariadb: MariaDb) -> None:
    url = f"mysql://rocketship:{PASSWORD.replace('@', '%40')}@127.0.0.1:{mariadb.port}/"
    assert row(run(url, "SELECT 1 AS a")) == {"a": 1}


@pytest.mark.parametrize("dsn", ["nonsense", "postgres://h/x", "u:p@tcp(h)/x?tls=odd"])
def test_dsn_that_is_none_is_refused(dsn: str) -> None:
    with pytest.raises(ConfigError, match="dsn: "):
        run(dsn, "SELECT 1")


def test_timeout_ends_the_query_on_the_server(mariadb: MariaDb, mariadb_dsn: str) -> None:
    done = run(mariadb_dsn, "SELECT SLEEP(60)", timeout="300ms")
    assert isinstance(done.failure, StepTimeout)
    sql = "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"
    assert mariadb.execute(sql) == []


def test_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"u:secret@tcp(127.0.0.1:{silent.getsockname()[1]})/x"
        failure = run(dsn, "SELECT 1", timeout="200ms").failure
    assert isinstance(failure, StepTimeout)


def test_connection_that_the_server_ends_is_told(mariadb_dsn: str) -> None:
    failure = run(mariadb_dsn, "KILL CONNECTION_ID()", "SELECT 1").failure
    assert isinstance(failure, ConnectionFailed)
