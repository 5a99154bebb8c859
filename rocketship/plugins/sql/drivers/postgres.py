"""PostgreSQL, by psycopg; every value but numbers and booleans is the text that psql prints."""

from __future__ import annotations

import contextlib
import math
import os
import re
import socket
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, ClassVar

from rocketship.errors import ConfigError, ConnectionFailed, DatabaseError, PluginError, StepError
from rocketship.plugins.sql.database import Connection, Database, place
from rocketship.plugins.sql.result import MAX_VALUE_BYTES, Query, Room
from rocketship.values import Json, to_text

#: How long the server has to take a request to cancel, in seconds.
CANCEL_SECONDS = 2.0
#: Rows that come over at a time, where the client library can do so; all of them are in memory.
CHUNK_ROWS = 16
#: Numbers of types, the same in every PostgreSQL.
_BOOLEAN = 16
_INTEGERS = frozenset({20, 21, 23, 26})
_FLOATS = frozenset({700, 701})


class Postgres(Database):
    """What a `postgres://` URL or `key=value` words say."""

    dialect: ClassVar[str] = "postgres"

    def __init__(self, dsn: str, secrets: tuple[str, ...]) -> None:
        psycopg = _library()
        try:
            words = psycopg.conninfo.conninfo_to_dict(dsn)
        except psycopg.ProgrammingError as error:
            raise _complaint(str(error), secrets) from None
        self._dsn = dsn
        # Otherwise libpq takes what is missing from the environment of whoever runs the suite.
        self._own = {"password": words.get("password") or "", "passfile": os.devnull}
        self.secrets = (*secrets, *filter(None, [words.get("password")]))
        host = words.get("host") or words.get("hostaddr") or "localhost"
        name = words.get("dbname") or words.get("user") or ""
        self.label = f"postgres {host}:{words.get('port') or 5432}/{name}"

    def connect(self, timeout: float) -> PostgresConnection:
        psycopg = _library()
        try:
            connection = psycopg.connect(
                self._dsn,
                **self._own,
                autocommit=True,
                connect_timeout=max(2, math.ceil(timeout)),
                client_encoding="utf8",
                fallback_application_name="rocketship",
            )
        except psycopg.Error as error:
            message = " ".join(str(error).split())
            raise ConnectionFailed(
                f"{self.label}: {message}", hint=_connection_hint(message)
            ) from error
        return PostgresConnection(connection)


class PostgresConnection(Connection):
    """A connection; every statement is its own transaction unless one was begun."""

    placeholder: ClassVar[str] = "$"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any], query: Query, room: Room) -> None:
        psycopg = _library()
        if any("\0" in text for text in (sql, *map(to_text, values))):
            raise DatabaseError("PostgreSQL takes no NUL characters")
        try:
            self._send(sql, values)
            result = self._next()
            columns = [_text(result.fname(i)) for i in range(result.nfields)] if result else []
            query.fill(columns, self._rows(result, query), room)
        except psycopg.Error as error:
            raise _failure(error, sql, lost=self._connection.closed) from error

    def _send(self, sql: str, values: Sequence[Any]) -> None:
        from psycopg import capabilities, generators

        server = self._connection.pgconn
        # Not by a cursor: it would forget the columns of empty results and the number of changes.
        server.send_query_params(
            sql.encode("utf-8", "replace"),
            [None if v is None else to_text(v).encode("utf-8", "replace") for v in values],
        )
        if capabilities.has_stream_chunked():
            server.set_chunked_rows_mode(CHUNK_ROWS)
        else:
            server.set_single_row_mode()
        self._connection.wait(generators.send(server))

    def _next(self) -> Any:
        """Return the next part of the result, or None after the last."""
        from psycopg import errors, generators
        from psycopg.pq import ExecStatus

        result = self._connection.wait(generators.fetch(self._connection.pgconn))
        if result is None:
            return None
        if result.status in (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH):
            self._connection.close()
            raise DatabaseError("COPY with STDIN or STDOUT is not possible", hint="use INSERT")
        if result.status in (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE):
            self._skip_rest()
            raise errors.error_from_result(result)
        return result

    def _skip_rest(self) -> None:
        """Take the rest of a result, so that the connection can be used again."""
        from psycopg import generators

        while self._connection.wait(generators.fetch(self._connection.pgconn)):
            continue

    def _value(self, result: Any, row: int, column: int) -> Json:
        raw = result.get_value(row, column)
        if raw is not None and len(raw) > MAX_VALUE_BYTES:
            name = _text(result.fname(column))
            self._skip_rest()
            raise DatabaseError(
                f"a value of column {name} is larger than {MAX_VALUE_BYTES >> 20} MiB",
                hint="select a part of it: left(…), substr(…)",
            )
        return _json(raw, result.ftype(column))

    def _rows(self, result: Any, query: Query) -> Iterator[list[Json]]:
        query.rows_affected = 0
        while result is not None:
            for row in range(result.ntuples):
                yield [self._value(result, row, column) for column in range(result.nfields)]
            tag = _text(result.command_status).split()
            if tag and tag[0] in ("INSERT", "UPDATE", "DELETE", "MERGE"):
                query.rows_affected = int(tag[-1])
            result = self._next()

    def interrupt(self) -> None:
        psycopg = _library()
        with contextlib.suppress(psycopg.Error, OSError):
            self._connection.cancel_safe(timeout=CANCEL_SECONDS)
        # A server that is gone answers nothing; the thread that waits for it must go on.
        with contextlib.suppress(psycopg.Error, OSError):
            descriptor = os.dup(self._connection.fileno())
            with socket.socket(fileno=descriptor) as duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._connection.close()


def _json(raw: bytes | None, kind: int) -> Json:
    if raw is None:
        return None
    if kind in _INTEGERS:
        return int(raw)
    if kind == _BOOLEAN:
        return raw == b"t"
    if kind in _FLOATS and math.isfinite(float(raw)):
        return float(raw)
    return _text(raw)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")


def _complaint(text: str, secrets: tuple[str, ...]) -> ConfigError:
    """Return what is wrong with a DSN, from what the client library says."""
    unknown = re.match(r'invalid (?:URI query parameter:|connection option) "(\w+)"', text)
    # A password that was not encoded may have been taken for something else.
    if unknown and not any(unknown[1] in secret for secret in secrets):
        hint = "it takes those of libpq, such as sslmode and application_name"
        return ConfigError(f"dsn: {unknown[1]} is unknown to PostgreSQL", hint=hint)
    hint = "write postgres://user:password@host:port/name, or host=… port=… dbname=… user=…"
    return ConfigError("dsn: not one of PostgreSQL", hint=hint)


def _failure(error: Any, sql: str, *, lost: bool) -> StepError:
    told = error.diag
    message = told.message_primary or " ".join(str(error).split())
    if told.message_detail:
        message += f": {told.message_detail}"
    if told.statement_position:
        message += f" ({place(sql, int(told.statement_position) - 1)})"
    if lost:
        hint = "the server ended the connection; its log tells why"
        return ConnectionFailed(message, hint=hint)
    hints = {"42P01": "create it in an earlier step, or check the dsn and the search_path"}
    return DatabaseError(message, hint=told.message_hint or hints.get(told.sqlstate or ""))


def _connection_hint(message: str) -> str | None:
    for words, hint in (
        ("password authentication failed", "check user and password in the dsn"),
        ("no password supplied", "the server wants a password: add it to the dsn"),
        ("does not support SSL", "add sslmode=disable to the dsn if that is intended"),
        ("certificate", "name the authority's file in the dsn: sslrootcert=…"),
        ("resolve", "check the host in the dsn"),
        ("Name or service not known", "check the host in the dsn"),
        ("Connection refused", "is the database running, and are host and port right?"),
        ("timeout", "does anything keep the engine from reaching host and port?"),
        ("does not exist", "check the names of database and user in the dsn"),
    ):
        if words in message:
            return hint
    return None


@cache
def _library() -> Any:
    try:
        import psycopg
    except ImportError as error:
        hint = 'pip install "psycopg[binary]"'
        raise PluginError(f"the driver of postgres is missing: {error}", hint=hint) from error
    return psycopg
