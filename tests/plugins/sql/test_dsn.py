"""Which parts of a DSN are secret."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from rocketship.errors import PluginError
from rocketship.plugins.sql.drivers import mysql, postgres, sqlserver
from rocketship.plugins.sql.plugin import Sql
from tests.plugins.calls import run_step


@pytest.mark.parametrize(
    ("dsn", "password"),
    [
        ("postgres://user:p%40ssw@host/x", "p@ssw"),
        ("postgres://user:pa@ss@host/x", "pa@ss"),
        ("postgres://host/x?user=u&password=word", "word"),
        ("host=h password='pass word' user=u", "pass word"),
        ("host=h password=word", "word"),
        ("user:p@ss:w/rd@tcp(host:3306)/x", "p@ss:w/rd"),
        ("sqlserver://sa:p%40ss@host:1433?database=x", "p@ss"),
        ("sqlserver://host?user+id=sa&password=word&database=x", "word"),
    ],
)
def test_password_of_any_form_is_secret(dsn: str, password: str) -> None:
    assert password in list(Sql.config.secrets({"driver": "x", "dsn": dsn}))


def test_dsn_without_password_has_no_secret() -> None:
    assert list(Sql.config.secrets({"dsn": "postgres://user@host/x"})) == []
    assert list(Sql.config.secrets({"dsn": "data/app.db"})) == []


@pytest.mark.parametrize(
    ("dsn", "message"),
    [
        ("postgres://user:secret@host/x?x=y", "x is unknown to PostgreSQL"),
        ("host=h sslmod=require", "sslmod is unknown to PostgreSQL"),
        ("postgres://user:pa/s?sec=ret@host/x", "not one of PostgreSQL"),
        ("postgres://host/x?word", "not one of PostgreSQL"),
    ],
)
def test_dsn_of_postgres_with_a_mistake_is_told_without_secrets(dsn: str, message: str) -> None:
    (finding,) = Sql().check({"driver": "postgres", "dsn": dsn, "commands": ["SELECT 1"]})
    assert (finding.path, finding.message) == (("dsn",), message)
    assert "sec" not in f"{finding.message} {finding.hint}"


@pytest.mark.parametrize(
    ("driver", "module", "library", "dsn", "hint"),
    [
        ("postgres", postgres, "psycopg", "host=h", 'pip install "psycopg[binary]"'),
        ("mysql", mysql, "pymysql", "u@tcp(h)/x", "pip install PyMySQL"),
        (
            "sqlserver", sqlserver, "pytds", "sqlserver://h?database=x",
            "pip install 'rocketship[sqlserver]'",
        ),
    ],
)  # fmt: skip
def test_missing_driver_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, driver: str, module: Any, library: str, dsn: str, hint: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    module._library.cache_clear()
    given: dict[str, Any] = {"driver": driver, "dsn": dsn, "commands": ["SELECT 1"]}
    assert list(Sql().check(given)) == []
    with pytest.raises(PluginError, match=f"the driver of {driver} is missing") as raised:
        run_step(Sql(), given)
    assert raised.value.hint == hint
