"""Telling reads from writes, and binding values."""

from __future__ import annotations

import pytest

from rocketship.plugins.sql.statement import bind, only_reads


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", True),
        ("-- a comment\n(SELECT 1)", True),
        ("WITH a AS (SELECT 1) SELECT * FROM a", True),
        ("SELECT 'INSERT', \"update\" FROM t", True),
        ("VALUES (1)", True),
        ("SHOW search_path", True),
        ("EXPLAIN SELECT 1", True),
        ("EXPLAIN ANALYZE DELETE FROM t", False),
        ("WITH a AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM a", False),
        ("WITH a AS (SELECT 1) DELETE FROM t", False),
        ("SELECT * FROM t FOR UPDATE", False),
        ("SELECT * FROM t FOR SHARE", False),
        ("SELECT 1 INTO t", False),
        ("SELECT nextval('s')", False),
        ("SELECT pg_advisory_lock(1)", False),
        ("INSERT INTO t VALUES (1) RETURNING id", False),
        ("CALL p()", False),
        ("PRAGMA user_version = 3", False),
        ("-- nothing", False),
    ],
)
def test_only_reads_means_no_effect_at_all(sql: str, expected: bool) -> None:
    assert only_reads(sql, "postgres") is expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT @value, [drop] FROM #create", True),
        ("SELECT 1 DROP TABLE t", False),
        ("SELECT NEXT VALUE FOR orders", False),
        ("SELECT * FROM OPENROWSET('x', 'y', 'DELETE FROM t')", False),
        ("EXEC totals", False),
    ],
)
def test_in_tsql_a_read_may_be_followed_by_more(sql: str, expected: bool) -> None:
    assert only_reads(sql, "sqlserver") is expected


@pytest.mark.parametrize(
    ("sql", "placeholder", "expected"),
    [
        ("SELECT :id, :id", "?", ("SELECT ?, ?", [7, 7])),
        ("SELECT ':id' -- :id", "?", ("SELECT ':id' -- :id", [])),
        ("SELECT :id::text, a[1:n]", "%s", ("SELECT %s::text, a[1:n]", [7])),
        ("SELECT 5 % 2, '%' || :id", "%s", ("SELECT 5 %% 2, '%%' || %s", [7])),
        ("SELECT :id, 5 % 2, :id", "$", ("SELECT $1, 5 % 2, $2", [7, 7])),
        ("SELECT 5 % 2", "%s", ("SELECT 5 % 2", [])),
        ("SELECT :id, @id, :id", "@bound", ("SELECT @bound1, @id, @bound2", [7, 7])),
    ],
)
def test_bind_replaces_known_names_outside_quotes(
    sql: str, placeholder: str, expected: tuple[str, list[int]]
) -> None:
    assert bind(sql, "postgres", {"id": 7}, placeholder) == expected
