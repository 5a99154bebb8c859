"""Steps against a stand-in that speaks SQL Server's protocol."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import trustme

from rocketship.errors import ConfigError, ConnectionFailed, DatabaseError, StepTimeout
from rocketship.plugins import Outcome
from rocketship.plugins.sql.drivers import sqlserver as driver
from rocketship.plugins.sql.drivers import tds_values
from rocketship.plugins.sql.plugin import Sql
from tests.fixtures import tds
from tests.fixtures.sqlserver import (
    ALL,
    IMPOSSIBLE,
    LOGIN_ONLY,
    PATIENCE_SECONDS,
    REQUIRED,
    Count,
    HangUp,
    SqlServer,
    Undo,
    Wait,
)
from tests.fixtures.tds import Error, Rows, Type
from tests.plugins.calls import in_loop, make_call, run_step

#: Values that are sent in the stand-in's words for them, and printed in the same.
PRINTED_AS_WRITTEN = [
    (Type("decimal", 38, 10), "-1234567890123456789012345678.0000000001"),
    (Type("datetime2", scale=7), "2025-01-02 03:04:05.1234567"),
    (Type("datetime2", scale=3), "9999-12-31 23:59:59.999"),
    (Type("datetime2", scale=0), "2025-01-02 03:04:05"),
    (Type("datetimeoffset", scale=7), "2025-01-02 03:04:05.1234560 +02:00"),
    (Type("datetimeoffset", scale=3), "2025-01-01 23:04:05.120 -09:30"),
    (Type("datetime", 8), "2025-01-02 03:04:05.997"),
    (Type("datetime", 8), "2025-01-02 03:04:05.003"),
]


def config(dsn: str, *commands: str, **more: Any) -> dict[str, Any]:
    return {"driver": "sqlserver", "dsn": dsn, "commands": list(commands), **more}


def run(server: SqlServer, *commands: str, **more: Any) -> Outcome:
    return run_step(Sql(), config(server.dsn(), *commands, **more))


def connect(dsn: str, **more: Any) -> Outcome:
    return run_step(Sql(), config(dsn, "SELECT 1 AS a", **more))


def row(outcome: Outcome, index: int = 0) -> dict[str, Any]:
    assert outcome.failure is None, outcome.failure
    first: dict[str, Any] = outcome.subject.queries[index].rows[0]
    return first


@pytest.mark.parametrize(
    ("kind", "sent", "expected"),
    [
        *[(kind, text, text) for kind, text in PRINTED_AS_WRITTEN],
        (Type("bit"), True, True),
        (Type("tinyint"), 255, 255),
        (Type("int", 2), -32768, -32768),
        (Type("int", 4), 2147483647, 2147483647),
        (Type("int", 8), 9007199254740993, 9007199254740993),
        (Type("fixed int"), -1, -1),
        (Type("float", 8), 0.1, 0.1),
        (Type("float", 4), 0.1, 0.1),
        (Type("float", 4), 3.4028235e38, 3.4028235e38),
        (Type("decimal", 10, 3), "12.500", "12.500"),
        (Type("decimal", 9, 0), "-7", "-7"),
        (Type("money", 8), "-922337203685477.5808", "-922337203685477.5808"),
        (Type("money", 4), "12.5", "12.5000"),
        (Type("uniqueidentifier"), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
         "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
        (Type("date"), "0001-01-01", "0001-01-01"),
        (Type("time", scale=7), "23:59:59.9999999", "23:59:59.9999999"),
        (Type("time", scale=0), "03:04:05", "03:04:05"),
        (Type("datetime", 4), "2025-01-02 03:04", "2025-01-02 03:04:00"),
        (Type("nvarchar", 20), "Grüße 🚀", "Grüße 🚀"),
        (Type("nvarchar"), "Grüße 🚀", "Grüße 🚀"),
        (Type("nvarchar"), "x" * 20_000, "x" * 20_000),
        (Type("nvarchar"), "", ""),
        (Type("nchar", 5), "ab   ", "ab   "),
        (Type("varchar", 20), "Grüße €", "Grüße €"),
        (Type("varchar"), "Grüße €", "Grüße €"),
        (Type("utf-8 varchar", 20), "Grüße 🚀", "Grüße 🚀"),
        (Type("utf-8 varchar"), "Grüße 🚀", "Grüße 🚀"),
        (Type("text"), "Grüße €", "Grüße €"),
        (Type("ntext"), "Grüße 🚀", "Grüße 🚀"),
        (Type("varbinary", 20), b"\x00\xff", "0x00FF"),
        (Type("varbinary"), b"\x00\xff", "0x00FF"),
        (Type("varbinary"), b"", "0x"),
        (Type("image"), b"\x00\xff", "0x00FF"),
        (Type("hierarchyid"), b"\x5a\xc0", "0x5AC0"),
        (Type("xml"), '<a b="1">ü</a>', '<a b="1">ü</a>'),
        (Type("sql_variant"), "text", "text"),
        (Type("sql_variant"), 12, 12),
    ],
)  # fmt: skip
def test_value_is_what_the_database_prints(
    sqlserver: SqlServer, kind: Type, sent: object, expected: object
) -> None:
    sqlserver.answers["SELECT v FROM t"] = [Rows([("v", kind)], [[sent]])]

    assert row(run(sqlserver, "SELECT v FROM t"))["v"] == expected


@pytest.mark.parametrize("compressed", [True, False])
def test_null_of_any_type_is_null(sqlserver: SqlServer, compressed: bool) -> None:
    kinds = [Type("bit"), Type("int", 4), Type("float", 8), Type("decimal", 5, 2), Type("money", 8)]
    kinds += [Type("uniqueidentifier"), Type("date"), Type("time", scale=7), Type("datetime", 8)]
    kinds += [Type("datetime2", scale=7), Type("datetimeoffset", scale=7), Type("sql_variant")]
    kinds += [Type(name, size) for name in ("nvarchar", "varbinary") for size in (9, None)]
    kinds += [Type(name) for name in ("text", "image", "xml", "hierarchyid")]
    columns = [(f"c{number}", kind) for number, kind in enumerate(kinds)] + [("n", Type("int", 4))]
    result = Rows(columns, [[None] * len(kinds) + [7]] * 2, compressed=compressed)
    sqlserver.answers["SELECT * FROM t"] = [result]

    query = run(sqlserver, "SELECT * FROM t").subject.queries[0]

    assert query.rows == [{name: 7 if name == "n" else None for name, _ in columns}] * 2


def test_statements_share_one_session(sqlserver: SqlServer) -> None:
    done = run(
        sqlserver,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT)",
        "INSERT INTO t (n) VALUES (:n), ('50%')",
        "INSERT INTO t (n) VALUES ('x') RETURNING id",
        "UPDATE t SET n = 'y' WHERE id > 1",
        "SELECT n FROM t WHERE n = :n",
        params={"n": "O'Hara; --"},
    )

    assert row(done, 2) == {"id": 3}
    assert [query.rows_affected for query in done.subject.queries] == [0, 2, 1, 2, 0]
    assert row(done, 4) == {"n": "O'Hara; --"}
    assert len(sqlserver.logins) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Grüße 🚀", "Grüße 🚀"),
        ("", ""),
        ("x" * 9000, "x" * 9000),
        (7, 7),
        (-(2**40), -(2**40)),
        (10**37, str(10**37)),
        (10**40, str(10**40)),
        (1.5, 1.5),
        (True, 1),
        (None, None),
        ([1, "a"], '[1,"a"]'),
    ],
)
def test_bound_value_arrives_as_it_is(
    sqlserver: SqlServer, value: object, expected: object
) -> None:
    assert row(run(sqlserver, "SELECT :v AS v", params={"v": value})) == {"v": expected}


def test_text_that_cannot_be_sent_fails_its_statement(sqlserver: SqlServer) -> None:
    given = config(sqlserver.dsn(), "SELECT :v AS v", "SELECT 2 AS b", params={"v": "\ud800"})

    done = run_step(Sql(), given, asserted=frozenset({"success_count"}))

    assert "SQL Server takes no such text" in done.subject.queries[0].error
    assert done.subject.queries[1].rows == [{"b": 2}]


def test_of_several_results_the_first_with_rows_counts(sqlserver: SqlServer) -> None:
    number = [("n", Type("int", 4))]
    sqlserver.answers["EXEC totals"] = [
        Count(2), Rows(number, [[1]]), Error(0, "printed", severity=0), Rows(number, [[2], [3]]),
        Count(3, tds.DELETE),
    ]  # fmt: skip

    query = run(sqlserver, "EXEC totals").subject.queries[0]

    assert query.rows == [{"n": 1}]
    assert query.rows_affected == 5


def test_empty_result_has_columns(sqlserver: SqlServer) -> None:
    query = run(sqlserver, "SELECT 1 AS a WHERE 1 = 0").subject.queries[0]

    assert (list(query.columns), query.row_count) == (["a"], 0)


def test_transaction_is_kept_or_undone_as_a_whole(sqlserver: SqlServer) -> None:
    run(sqlserver, "CREATE TABLE t (a INTEGER UNIQUE)")

    kept = run(sqlserver, "INSERT INTO t VALUES (1)", "SELECT 1 AS a", transaction=True)
    undone = run(
        sqlserver, "INSERT INTO t VALUES (2)", "INSERT INTO t VALUES (1)", transaction=True
    )

    assert kept.failure is None
    assert isinstance(undone.failure, DatabaseError)
    assert undone.failure.message.endswith(
        "query 1: Violation of UNIQUE KEY constraint. (error 2627, line 1)"
    )
    assert row(run(sqlserver, "SELECT count(*) AS n FROM t")) == {"n": 1}


def test_transaction_that_the_server_has_undone_needs_no_rollback(sqlserver: SqlServer) -> None:
    victim = Error(1205, "Transaction was deadlocked and has been chosen as the victim.")
    sqlserver.answers["UPDATE t SET a = 2"] = [victim, Undo()]

    failure = run(sqlserver, "UPDATE t SET a = 2", transaction=True).failure

    assert isinstance(failure, DatabaseError)
    assert "chosen as the victim" in failure.message
    assert "retry" in (failure.hint or "")


def test_batch_with_variables_is_sent_whole(sqlserver: SqlServer) -> None:
    batch = "DECLARE @n int = 1;\nSELECT @n AS n"
    sqlserver.answers[batch] = [Rows([("n", Type("int", 4))], [[1]])]
    given = {"driver": "sqlserver", "dsn": sqlserver.dsn(), "file": "a.sql"}
    script = f"CREATE TABLE t (a int);\nGO\n{batch};\nGO\nINSERT INTO t VALUES (1);\nGO 2\n"

    done = run_step(Sql(), given, files={"a.sql": script.encode()})

    assert done.failure is None
    assert row(done, 1) == {"n": 1}
    assert sqlserver.statements == [
        "CREATE TABLE t (a int)", batch, "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)",
    ]  # fmt: skip


def test_error_names_statement_number_and_line(sqlserver: SqlServer) -> None:
    sqlserver.answers["EXEC pay"] = [
        Error(0, "paying", severity=0),
        Error(50001, "Not enough money.", line=12, procedure="dbo.pay"),
        Error(3621, "The statement has been terminated.", severity=0),
    ]
    where = f"sqlserver 127.0.0.1:{sqlserver.port}/shop"

    failure = run(sqlserver, "SELECT 1 AS a", "SELECT *\n FROM absent").failure
    assert isinstance(failure, DatabaseError)
    assert failure.message == (
        f"{where}: query 1: Invalid object name 'absent'. (error 208, line 1)"
    )
    assert failure.hint

    failure = run(sqlserver, "EXEC pay").failure
    assert isinstance(failure, DatabaseError)
    assert failure.message == (
        f"{where}: query 0: Not enough money. (error 50001, line 12 of dbo.pay)"
    )


def test_step_may_go_on_after_an_error(sqlserver: SqlServer) -> None:
    given = config(sqlserver.dsn(), "SELEKT 1", "SELECT :b AS b", "SELECT * FROM absent")

    given["params"] = {"b": 2}

    done = run_step(Sql(), given, asserted=frozenset({"success_count"}))

    assert done.subject.success_count == 1
    assert done.subject.queries[1].rows == [{"b": 2}]


def test_large_value_fails_its_statement_only(
    sqlserver: SqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tds_values, "MAX_VALUE_BYTES", 1000)
    columns = [("big", Type("nvarchar")), ("n", Type("int", 4))]
    sqlserver.answers["SELECT big, n FROM t"] = [Rows(columns, [["x" * 10_000, 1], ["x", 2]])]
    given = config(sqlserver.dsn(), "SELECT big, n FROM t", "SELECT 2 AS b")

    done = run_step(Sql(), given, asserted=frozenset({"success_count"}))

    assert "a value of column big is larger than" in done.subject.queries[0].error
    assert done.subject.queries[1].rows == [{"b": 2}]


@pytest.mark.parametrize(
    ("offered", "options", "login", "rest"),
    [
        (ALL, "", True, True),
        (ALL, "&encrypt=true&TrustServerCertificate=true", True, True),
        (ALL, "&encrypt=false&trustservercertificate=true", True, False),
        (REQUIRED, "&encrypt=false&trustservercertificate=true", True, True),
        (LOGIN_ONLY, "&encrypt=disable", False, False),
        (IMPOSSIBLE, "&encrypt=disable", False, False),
    ],
)
def test_encryption_is_what_the_dsn_says(
    sqlserver: SqlServer, offered: int, options: str, login: bool, rest: bool
) -> None:
    sqlserver.encryption = offered

    assert row(connect(sqlserver.dsn(f"database=shop{options}"))) == {"a": 1}

    assert [each.encrypted for each in sqlserver.logins] == [login]
    assert sqlserver.encrypted_statements == [rest]


def test_certificate_is_checked_when_encryption_is_asked_for(
    sqlserver: SqlServer, sqlserver_authority: trustme.CA, tmp_path: Path
) -> None:
    authority = tmp_path / "ca.pem"
    sqlserver_authority.cert_pem.write_to_path(authority)

    failure = connect(sqlserver.dsn("encrypt=true")).failure
    assert isinstance(failure, ConnectionFailed)
    assert "the certificate is not trusted" in failure.message
    assert "certificate=" in (failure.hint or "")
    assert sqlserver.logins == []

    trusted = f"encrypt=true&certificate={authority}"
    assert row(connect(sqlserver.dsn(trusted))) == {"a": 1}

    failure = connect(sqlserver.dsn(f"{trusted}&hostNameInCertificate=other.example")).failure
    assert isinstance(failure, ConnectionFailed)
    assert "other.example" in failure.message


@pytest.mark.parametrize(
    ("dsn", "message", "hint"),
    [
        ("sqlserver://sa:wrong-one@127.0.0.1:{port}", "Login failed for user 'sa'", "password"),
        ("sqlserver://sa:S3cret%21pass@127.0.0.1:{port}?database=x", 'open database "x"', "name"),
        ("sqlserver://sa:wrong-one@127.0.0.1:1", "refused", "running"),
        ("sqlserver://sa:wrong-one@nowhere.invalid", "nowhere.invalid:1433", "check the host"),
        ("sqlserver://sa:wrong-one@no..where", "no..where:1433", "check the host"),
        ("sqlserver://sa@127.0.0.1:{port}?certificate=/absent&encrypt=true", "certif", "PEM"),
    ],
)
def test_connection_failure_says_what_to_check(
    sqlserver: SqlServer, dsn: str, message: str, hint: str
) -> None:
    failure: Any
    try:
        failure = connect(dsn.format(port=sqlserver.port)).failure
    except ConfigError as error:
        failure = error

    assert message in failure.message
    assert hint in (failure.hint or "")
    assert "wrong-one" not in failure.message


@pytest.mark.parametrize(
    ("offered", "options", "message"),
    [
        (IMPOSSIBLE, "", "the server has no encryption"),
        (REQUIRED, "encrypt=disable", "the server wants encryption"),
    ],
)
def test_encryption_that_cannot_be_agreed_on_is_told(
    sqlserver: SqlServer, offered: int, options: str, message: str
) -> None:
    sqlserver.encryption = offered

    failure = connect(sqlserver.dsn(options)).failure

    assert isinstance(failure, ConnectionFailed)
    assert message in failure.message
    assert "encrypt=disable" in (failure.hint or "")
    assert sqlserver.logins == []


def test_client_is_sent_on_to_another_server(
    sqlserver: SqlServer, sqlserver_authority: trustme.CA, tmp_path: Path
) -> None:
    gateway = SqlServer(tmp_path, sqlserver_authority.issue_cert("127.0.0.1"))
    gateway.route = sqlserver.port
    try:
        assert row(connect(gateway.dsn())) == {"a": 1}
        gateway.route = gateway.port
        failure = connect(gateway.dsn()).failure
    finally:
        gateway.close()

    assert [each.encrypted for each in sqlserver.logins] == [True]
    assert isinstance(failure, ConnectionFailed)
    assert "without end" in failure.message


def test_timeout_ends_the_query_on_the_server(sqlserver: SqlServer) -> None:
    sqlserver.answers["WAITFOR DELAY '01:00:00'"] = [Wait()]

    failure = run(sqlserver, "WAITFOR DELAY '01:00:00'", timeout="200ms").failure

    assert isinstance(failure, StepTimeout)
    assert sqlserver.attentions == 1


def test_server_that_heeds_no_attention_is_left(
    sqlserver: SqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "CANCEL_SECONDS", 0.2)
    sqlserver.answers["WAITFOR DELAY '01:00:00'"] = [Wait(heeds_attention=False)]
    begun = time.monotonic()

    failure = run(sqlserver, "WAITFOR DELAY '01:00:00'", timeout="200ms").failure

    assert isinstance(failure, StepTimeout)
    assert time.monotonic() - begun < PATIENCE_SECONDS


def test_cancelled_step_ends_the_query_and_delays_nobody(sqlserver: SqlServer) -> None:
    sqlserver.answers["WAITFOR DELAY '01:00:00'"] = [Wait()]
    plugin = Sql()

    async def work() -> Outcome:
        sleep = make_call(plugin, config(sqlserver.dsn(), "WAITFOR DELAY '01:00:00'"))
        sleeper = asyncio.create_task(plugin.run(sleep))
        assert await asyncio.to_thread(sqlserver.waiting.wait, PATIENCE_SECONDS)
        neighbour = await plugin.run(make_call(plugin, config(sqlserver.dsn(), "SELECT 1 AS a")))
        sleeper.cancel()
        await asyncio.wait([sleeper])
        assert sleeper.cancelled()
        return neighbour

    assert row(in_loop(plugin, work)) == {"a": 1}
    assert sqlserver.attentions == 1


def test_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        failure = connect(
            f"sqlserver://sa:x@127.0.0.1:{silent.getsockname()[1]}", timeout="200ms"
        ).failure

    assert isinstance(failure, StepTimeout | ConnectionFailed)
    assert "took longer" in failure.message or "timed out" in failure.message


def test_server_of_another_kind_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        failure = connect(f"sqlserver://sa:x@127.0.0.1:{other.getsockname()[1]}").failure
        thread.join()

    assert isinstance(failure, ConnectionFailed)
    assert "what answers is no SQL Server" in failure.message


def test_connection_that_the_server_ends_is_told(sqlserver: SqlServer) -> None:
    sqlserver.answers["EXEC short"] = [HangUp()]
    killed = Error(596, "Cannot continue the execution because the session is in the kill state.")
    sqlserver.answers["EXEC long"] = [killed, HangUp()]

    failure = run(sqlserver, "EXEC long").failure

    assert isinstance(failure, ConnectionFailed)
    assert "the session is in the kill state" in failure.message

    failure = run(sqlserver, "EXEC short").failure
    assert isinstance(failure, ConnectionFailed)


def test_answer_that_cannot_be_read_is_told(sqlserver: SqlServer) -> None:
    sqlserver.answers["SELECT v FROM t"] = [Rows([("v", Type("vector"))], [])]

    failure = run(sqlserver, "SELECT v FROM t").failure

    assert isinstance(failure, ConnectionFailed)
    assert "what the server sent cannot be read" in failure.message


@pytest.mark.parametrize(
    ("dsn", "message"),
    [
        ("server=h;database=x", "not one of SQL Server"),
        ("postgres://h/x", "not one of SQL Server"),
        ("sqlserver://u:p/w@h/x", "not one of SQL Server"),
        ("sqlserver://h/EXPRESS?database=x", "named by its port"),
        ("sqlserver://h?databse=x", "databse is unknown"),
        ("sqlserver://SHOP%5Cada:p@h?database=x", "Windows logins are not supported"),
        ("sqlserver://h?encrypt=strict", "encrypt=strict is unknown"),
        ("sqlserver://h?TrustServerCertificate=maybe", "TrustServerCertificate=maybe is unknown"),
    ],
)
def test_dsn_that_is_none_is_refused(dsn: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        connect(dsn)


def test_parameters_that_tune_another_client_do_nothing(sqlserver: SqlServer) -> None:
    dsn = sqlserver.dsn("database=shop&connection+timeout=30&log=63&app+name=Nightly")

    assert row(connect(dsn)) == {"a": 1}
    assert sqlserver.logins[0].application == "Nightly"


def test_huge_result_is_counted_in_bounded_memory(sqlserver: SqlServer) -> None:
    sqlserver.answers["SELECT n FROM t"] = [Rows([("n", Type("int", 4))], [[1]] * 10_050)]

    query = run(sqlserver, "SELECT n FROM t").subject.queries[0]

    assert query.row_count == 10_050
    assert len(query.rows) == 10_000
