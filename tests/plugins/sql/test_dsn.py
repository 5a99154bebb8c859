"""Which parts of a DSN are secret."""

from __future__ import annotations

import pytest

from rocketship.plugins.sql.plugin import Sql


@pytest.mark.parametrize(
    ("dsn", "password"),
    [
        ("postgres://user:p%40ssw@host/x", "p@ssw"),
        ("postgres://user:pa@ss@host/x", "pa@ss"),
        ("postgres://host/x?user=u&password=word", "word"),
        ("host=h password='pass word' user=u", "pass word"),
        ("host=h password=word", "word"),
        ("user:p@ss:w/rd@tcp(host:3306)/x", "p@ss:w/rd"),
    ],
)
def test_password_of_any_form_is_secret(dsn: str, password: str) -> None:
    assert password in list(Sql.config.secrets({"driver": "x", "dsn": dsn}))


def test_dsn_without_password_has_no_secret() -> None:
    assert list(Sql.config.secrets({"dsn": "postgres://user@host/x"})) == []
    assert list(Sql.config.secrets({"dsn": "data/app.db"})) == []
