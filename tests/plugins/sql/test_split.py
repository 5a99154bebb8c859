"""Splitting files into statements."""

from __future__ import annotations

import pytest

from rocketship.plugins.sql.split import split

TRIGGER = (
    "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n"
    "  UPDATE b SET n = CASE WHEN n > 1 THEN 2 ELSE 3 END;\n  DELETE FROM c;\nEND"
)
PROCEDURE = (
    "CREATE PROCEDURE p() BEGIN\n  IF 1 THEN SELECT 1; END IF;\n"
    "  CASE 1 WHEN 1 THEN SELECT 2; END CASE;\n  WHILE 0 DO SELECT 3; END WHILE;\nEND"
)
DOLLARS = "CREATE FUNCTION f() RETURNS int AS $body$ BEGIN; RETURN $$;$$; END; $body$ LANGUAGE x"
TSQL_PROCEDURE = "CREATE OR ALTER PROC p AS\nSELECT 1;\nSELECT 2;"
ATOMIC = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END"


@pytest.mark.parametrize(
    ("dialect", "sql", "expected"),
    [
        ("postgres", "SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("postgres", " ;; -- nothing\n; /* ; */ ;", []),
        ("postgres", "SELECT ';''' ; SELECT \";\"", ["SELECT ';'''", 'SELECT ";"']),
        ("postgres", "SELECT 1 -- ;\n, 2; SELECT 3", ["SELECT 1 -- ;\n, 2", "SELECT 3"]),
        (
            "postgres",
            "SELECT /* /* ; */ ; */ 1; SELECT 2",
            ["SELECT /* /* ; */ ; */ 1", "SELECT 2"],
        ),
        ("postgres", r"SELECT E'\';'; SELECT '\'", [r"SELECT E'\';'", r"SELECT '\'"]),
        ("postgres", f"{DOLLARS}; SELECT 1", [DOLLARS, "SELECT 1"]),
        ("postgres", f"{ATOMIC}; SELECT 1", [ATOMIC, "SELECT 1"]),
        ("postgres", "BEGIN; SELECT 1; END; SELECT 2", ["BEGIN", "SELECT 1", "END", "SELECT 2"]),
        ("postgres", "SELECT a$b$; SELECT c$b$", ["SELECT a$b$", "SELECT c$b$"]),
        ("mysql", r"SELECT '\';'; SELECT `;`", [r"SELECT '\';'", "SELECT `;`"]),
        ("mysql", "SELECT 1 # ;\n; SELECT 5--1", ["SELECT 1 # ;", "SELECT 5--1"]),
        ("mysql", "/*!40101 SET a = 1 */; SELECT 1", ["/*!40101 SET a = 1 */", "SELECT 1"]),
        ("mysql", f"{PROCEDURE}; SELECT 1;", [PROCEDURE, "SELECT 1"]),
        (
            "mysql",
            f"SELECT 1;\nDELIMITER //\n{PROCEDURE} //\nSELECT '//' //\ndelimiter ;\nSELECT 2",
            ["SELECT 1", PROCEDURE, "SELECT '//'", "SELECT 2"],
        ),
        ("mysql", "DELIMITER $$\nSELECT 1$$\nSELECT 2", ["SELECT 1", "SELECT 2"]),
        ("sqlserver", "SELECT 1; SELECT 2", ["SELECT 1;", "SELECT 2;"]),
        ("sqlserver", "SELECT 1\r\nGO\r\nSELECT 2", ["SELECT 1;", "SELECT 2;"]),
        ("sqlserver", "a\n go 3 -- times\nb", ["a;", "a;", "a;", "b;"]),
        ("sqlserver", "GO\n-- nothing\nGO 2\n;", []),
        ("sqlserver", "SELECT 1\nGO AWAY", ["SELECT 1\nGO AWAY;"]),
        ("sqlserver", "SELECT 'a\nGO\nb'", ["SELECT 'a\nGO\nb';"]),
        ("sqlserver", "/* /*\nGO\n*/\nGO\n*/ SELECT 1", ["SELECT 1;"]),
        (
            "sqlserver",
            "SELECT [;]]';], \"';\" ; SELECT 1",
            ["SELECT [;]]';], \"';\";", "SELECT 1;"],
        ),
        ("sqlserver", f"{TSQL_PROCEDURE}\nGO\nEXEC p", [TSQL_PROCEDURE, "EXEC p;"]),
        ("sqlserver", "BEGIN TRAN; SELECT 1; COMMIT", ["BEGIN TRAN;", "SELECT 1;", "COMMIT;"]),
        ("sqlserver", "DROP TABLE IF EXISTS t; SELECT 1", ["DROP TABLE IF EXISTS t;", "SELECT 1;"]),
        ("sqlserver", "SELECT @declare; SELECT 1", ["SELECT @declare;", "SELECT 1;"]),
        *[
            ("sqlserver", f"{whole}\nGO\nSELECT 3", [whole, "SELECT 3;"])
            for whole in (
                "DECLARE @a int = 1; SELECT @a",
                "IF 1 = 1 SELECT 1; ELSE SELECT 2",
                "BEGIN TRY SELECT 1; END TRY BEGIN CATCH SELECT 2; END CATCH",
                "SELECT 1; WHILE 1 = 0 SELECT 1;",
            )
        ],
        ("sqlite", f"{TRIGGER}; SELECT 1", [TRIGGER, "SELECT 1"]),
        ("sqlite", "SELECT [;]; SELECT `;`", ["SELECT [;]", "SELECT `;`"]),
        ("sqlite", "SELECT 'never ends; SELECT 2", ["SELECT 'never ends; SELECT 2"]),
    ],
)
def test_split_keeps_statements_whole(dialect: str, sql: str, expected: list[str]) -> None:
    assert split(sql, dialect) == expected
