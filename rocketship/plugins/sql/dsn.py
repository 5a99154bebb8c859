"""Where a database is: which driver reads the DSN, and which parts of a DSN are secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from rocketship.errors import ConfigError
from rocketship.plugins.sql.database import Database
from rocketship.suite.fields import Text
from rocketship.values import Json

DRIVERS = ("postgres", "mysql", "mariadb", "sqlite", "sqlserver")

_SCHEME = r"[A-Za-z][\w+.-]*://"
_URL_PASSWORD = rf"^{_SCHEME}[^/?#:@]*:(?P<password>.+)@"
_GO_PASSWORD = r"^[^:/@]*:(?P<password>.*)@"
_WORD_PASSWORD = r"(?:^|[\s?&;])password\s*=\s*(?P<password>'(?:[^'\\]|\\.)*'|[^\s&;]+)"


class Dsn(Text):
    """The text that says where a database is; the passwords in it are secret."""

    label = "a data source name"

    def __init__(self) -> None:
        super().__init__(empty=False)

    def secrets(self, value: Json) -> Iterator[str]:
        return iter(passwords(value) if isinstance(value, str) else ())


def passwords(dsn: str) -> tuple[str, ...]:
    """Return what may be a password in a DSN of any form, as written and decoded."""
    found: list[str] = []
    pattern = _URL_PASSWORD if re.match(_SCHEME, dsn) else _GO_PASSWORD
    if match := re.search(pattern, dsn, re.DOTALL):
        found += [match["password"], unquote(match["password"])]
    for match in re.finditer(_WORD_PASSWORD, dsn, re.IGNORECASE):
        word = match["password"]
        found += [word, unquote(word), re.sub(r"\\(.)", r"\1", word.strip("'"))]
    return tuple(dict.fromkeys(filter(None, found)))


def open_database(driver: str, dsn: str, workdir: str) -> Database:
    """Return the database of a DSN; nothing is connected yet.

    Raises:
        ConfigError: The DSN does not fit the driver.
    """
    if driver == "sqlite":
        from rocketship.plugins.sql.drivers.sqlite import Sqlite

        if re.match(r"[a-z]+://", dsn):
            raise ConfigError("dsn: sqlite takes a path", hint="a path, a file: URI or :memory:")
        return Sqlite(dsn, workdir)
    if driver == "postgres":
        from rocketship.plugins.sql.drivers.postgres import Postgres

        return Postgres(dsn, passwords(dsn))
    if driver == "sqlserver":
        from rocketship.plugins.sql.drivers.sqlserver import SqlServer

        return SqlServer(dsn, passwords(dsn))
    from rocketship.plugins.sql.drivers.mysql import MySql

    return MySql(dsn, passwords(dsn))
