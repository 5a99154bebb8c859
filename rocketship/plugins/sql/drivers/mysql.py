"""MySQL and MariaDB, by PyMySQL; values are the text that the server prints, but for numbers."""

from __future__ import annotations

import contextlib
import math
import re
import socket
from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from rocketship.errors import ConfigError, ConnectionFailed, DatabaseError, PluginError, StepError
from rocketship.plugins.sql.database import Connection, Database
from rocketship.plugins.sql.result import Query, Room
from rocketship.values import Json, parse_duration

_GO = (
    r"(?:(?P<user>[^:]*)(?::(?P<password>.*))?@)?"
    r"(?:(?P<net>\w+)(?:\((?P<at>[^)]*)\))?)?/(?P<rest>.*)"
)
_HINT = "write user:password@tcp(host:port)/name or mysql://user:password@host:port/name"
#: How long the server has to take a request to end a statement, in seconds.
KILL_SECONDS = 2
#: Numbers of column types (`enum_field_types` of the protocol), by what becomes of them.
_INTEGERS = frozenset({1, 2, 3, 8, 9, 13})
_FLOATS = frozenset({4, 5})
_BIT = 16
_BINARY_CHARSET = 63
_BLOBS = frozenset({249, 250, 251, 252, 253, 254, 255})

#: Numbers of errors that say why a connection failed.
_HINTS = {
    1045: "check user and password in the dsn",
    1044: "the user may not use this database",
    1049: "check the name of the database in the dsn",
    1146: "create it in an earlier step, or check the name of the database in the dsn",
    2003: "is the database running, and are host and port right?",
    2026: "check `tls` in the dsn and the server's certificate",
}
_LOST = frozenset({2006, 2013, 2014, 1053, 1317, 1927})


class MySql(Database):
    """What a DSN in the style of Go's driver, or a `mysql://` URL, says."""

    dialect: ClassVar[str] = "mysql"

    def __init__(self, dsn: str, secrets: tuple[str, ...]) -> None:
        _library()
        self.secrets = secrets
        self._arguments = _from_url(dsn) if "://" in dsn.partition("@")[0] else _from_go(dsn)
        known = self._arguments
        at = known.get("unix_socket") or f"{known['host']}:{known['port']}"
        self.label = f"mysql {at}/{known['database'] or ''}"

    def connect(self, timeout: float) -> MySqlConnection:
        pymysql = _library()
        try:
            opened = self._open(math.ceil(timeout))
        except (pymysql.Error, OSError, UnicodeError) as error:
            raise _failure(error, self.label) from error
        return MySqlConnection(opened, self)

    def kill(self, connection_id: int) -> None:
        """End a connection on the server, and with it its statement."""
        with contextlib.closing(self._open(KILL_SECONDS)) as other:
            other.cursor().execute(f"KILL {connection_id}")

    def _open(self, seconds: int) -> Any:
        pymysql = _library()
        return pymysql.connect(
            **self._arguments,
            connect_timeout=max(1, seconds),
            autocommit=True,
            cursorclass=pymysql.cursors.SSCursor,
            conv=_encoders(),
            use_unicode=False,
            charset="utf8mb4",
        )


class MySqlConnection(Connection):
    """A connection; every statement is its own transaction unless one was begun."""

    placeholder: ClassVar[str] = "%s"
    begin: ClassVar[str] = "START TRANSACTION"

    def __init__(self, connection: Any, database: MySql) -> None:
        self._connection = connection
        self._database = database

    def execute(self, sql: str, values: Sequence[Any], query: Query, room: Room) -> None:
        pymysql = _library()
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, values or None)
                query.rows_affected = 0
                self._take(cursor, query, room)
        except (pymysql.Error, OSError) as error:
            raise _failure(error, None) from error
        except (ValueError, OverflowError) as error:
            raise DatabaseError(str(error)) from error

    def interrupt(self) -> None:
        pymysql = _library()
        with contextlib.suppress(pymysql.Error, OSError):
            self._database.kill(self._connection.thread_id())
        # A server that is gone answers nothing; the thread that waits for it must go on.
        with contextlib.suppress(OSError, AttributeError):
            self._connection._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        pymysql = _library()
        with contextlib.suppress(pymysql.Error, OSError):
            self._connection.close()

    def _take(self, cursor: Any, query: Query, room: Room) -> None:
        """Take the first result with rows; a procedure may give several."""
        taken = False
        while True:
            if cursor.description is None:
                query.rows_affected += max(cursor.rowcount, 0)
            elif taken:
                for _ in cursor:
                    pass
            else:
                taken = True
                fields = cursor._result.fields
                columns = [column[0] for column in cursor.description]
                query.fill(columns, cursor, room, partial(_values, fields))
            if not cursor.nextset():
                return


def _values(fields: Sequence[Any], row: Sequence[bytes | str | None]) -> Iterable[Json]:
    return map(_json, row, fields)


def _json(value: bytes | str | None, field: Any) -> Json:
    if value is None:
        return None
    raw = value.encode() if isinstance(value, str) else value
    if field.type_code in _INTEGERS:
        return int(raw)
    if field.type_code in _FLOATS:
        return float(raw)
    binary = field.type_code in _BLOBS and field.charsetnr == _BINARY_CHARSET
    if binary or field.type_code == _BIT:
        return f"0x{raw.hex()}"
    return raw.decode("utf-8", "replace")


def _from_url(dsn: str) -> dict[str, Any]:
    try:
        url = urlsplit(dsn)
        port = url.port or 3306
    except ValueError as error:
        raise ConfigError(f"dsn: {error}", hint=_HINT) from None
    if url.scheme not in ("mysql", "mariadb"):
        raise ConfigError(f"dsn: {url.scheme}:// is not MySQL", hint=_HINT)
    return {
        "user": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "host": url.hostname or "127.0.0.1",
        "port": port,
        "database": unquote(url.path.lstrip("/")) or None,
        **_options(url.query),
    }


def _from_go(dsn: str) -> dict[str, Any]:
    match = re.fullmatch(_GO, dsn, re.DOTALL)
    if match is None or match["net"] not in (None, "tcp", "unix"):
        raise ConfigError("dsn: not one of MySQL", hint=_HINT)
    name, _, query = match["rest"].partition("?")
    arguments: dict[str, Any] = {
        "user": match["user"] or "",
        "password": match["password"] or "",
        "host": "127.0.0.1",
        "port": 3306,
        "database": unquote(name) or None,
        **_options(query),
    }
    at = match["at"] or ""
    if match["net"] == "unix":
        return arguments | {"unix_socket": at}
    host, _, port = at.rpartition(":") if re.search(r":\d+$", at) else (at, "", "")
    arguments["host"] = host.strip("[]") or "127.0.0.1"
    arguments["port"] = int(port or 3306)
    return arguments


def _options(query: str) -> dict[str, Any]:
    """Return what the options of a DSN ask for; those about the Go types of values do nothing."""
    options = dict(parse_qsl(query))
    found: dict[str, Any] = {}
    tls = options.get("tls", "false").lower()
    if tls in ("true", "skip-verify", "preferred"):
        import ssl

        context = ssl.create_default_context()
        if tls != "true":
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        found["ssl"] = context
    elif tls != "false":
        raise ConfigError(f"dsn: tls={tls} is unknown", hint="true, skip-verify, preferred, false")
    for name, argument in (("readTimeout", "read_timeout"), ("writeTimeout", "write_timeout")):
        if name in options:
            try:
                found[argument] = max(1, math.ceil(parse_duration(options[name])))
            except ValueError as error:
                raise ConfigError(f"dsn: {name}: {error}") from None
    return found


def _failure(error: Any, connecting_to: str | None) -> StepError:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    message = str(error.args[1] if number is not None and len(error.args) > 1 else error)
    if message in ("", "(0, '')"):
        message = "the connection is lost"
    hint = _HINTS.get(number or 0)
    if "Name or service not known" in message or "name resolution" in message:
        hint = "check the host in the dsn"
    if connecting_to is not None:
        return ConnectionFailed(f"{connecting_to}: {message}", hint=hint)
    if number in _LOST or number in (None, 0):
        return ConnectionFailed(message, hint="the server's log tells why")
    return DatabaseError(message, hint=hint)


@cache
def _encoders() -> Any:
    """Return how bound values are written; nothing converts what comes back."""
    from pymysql.converters import encoders

    return dict(encoders)


@cache
def _library() -> Any:
    try:
        import pymysql
    except ImportError as error:
        raise PluginError(
            f"the driver of mysql is missing: {error}", hint="pip install PyMySQL"
        ) from error
    return pymysql
