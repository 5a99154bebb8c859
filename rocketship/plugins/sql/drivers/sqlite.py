"""SQLite, by the standard library."""

from __future__ import annotations

import math
import os
import re
import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from rocketship.errors import ConfigError, ConnectionFailed, DatabaseError, StepError
from rocketship.plugins.sql.database import Connection, Database, place
from rocketship.plugins.sql.result import MAX_VALUE_BYTES, Query, Room
from rocketship.plugins.sql.statement import used_names
from rocketship.values import Json

#: How long a statement waits for another connection's lock.
BUSY_SECONDS = 5.0


class Sqlite(Database):
    """A file, a `file:` URI, or `:memory:`, which lives as long as its step."""

    dialect: ClassVar[str] = "sqlite"

    def __init__(self, dsn: str, workdir: str) -> None:
        self.label = f"sqlite {dsn.partition('?')[0]}"
        self._uri = dsn.startswith("file:")
        is_path = not self._uri and dsn != ":memory:"
        self._target = os.path.join(workdir, dsn) if is_path else _absolute(dsn, workdir)

    def connect(self, timeout: float) -> SqliteConnection:
        if "\0" in self._target:
            raise ConfigError("dsn: a path cannot contain NUL characters")
        try:
            connection = sqlite3.connect(
                self._target,
                uri=self._uri,
                timeout=min(timeout, BUSY_SECONDS),
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            hint = "its folder must exist, and the engine must be allowed to write there"
            raise ConnectionFailed(f"{self.label}: {error}", hint=hint) from error
        return SqliteConnection(connection)


class SqliteConnection(Connection):
    """A connection; every statement is its own transaction unless one was begun."""

    placeholder: ClassVar[str] = "?"

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any], query: Query, room: Room) -> None:
        try:
            cursor = self._connection.execute(sql, values)
            columns = [column[0] for column in cursor.description or ()]
            query.fill(columns, cursor, room, partial(map, _json))
            query.rows_affected = max(cursor.rowcount, 0)
        except sqlite3.Error as error:
            raise _unbound(error, sql) or _failure(error, sql) from error
        except (OverflowError, ValueError) as error:
            raise DatabaseError(str(error)) from error

    def interrupt(self) -> None:
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()


def _absolute(dsn: str, workdir: str) -> str:
    """Return a `file:` URI whose relative path is one below the working directory."""
    path = dsn.removeprefix("file:")
    if not dsn.startswith("file:") or path.startswith(("/", ":memory:", "?")) or not path:
        return dsn
    from urllib.parse import quote

    return f"file:{quote(os.path.abspath(workdir))}/{path}"


def _json(value: Any) -> Json:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    shown: Json = value
    return shown


def _unbound(error: sqlite3.Error, sql: str) -> StepError | None:
    """Return the failure of a statement with a parameter that nothing was bound to."""
    if not isinstance(error, sqlite3.ProgrammingError) or "binding" not in str(error).lower():
        return None
    for name in sorted(used_names(sql, "sqlite")):
        return DatabaseError(
            f"the statement has a parameter {name} for which `params` has no value",
            hint=f"add {name} to `params`, or put :{name} in quotes if it is text",
        )
    return DatabaseError(
        "the statement has a placeholder for a value that has no name",
        hint="write :name in the statement, and the value under that name in `params`",
    )


def _failure(error: sqlite3.Error, sql: str) -> StepError:
    message = str(error)
    hint = None
    if near := re.search(r'near "(.+?)": syntax error', message):
        found = re.search(re.escape(near[1]), sql)
        message += f" ({place(sql, found.start())})" if found else ""
    elif "no such table" in message:
        hint = (
            "create it in an earlier step, and check that the dsn names the right file; "
            ":memory: is empty at the start of every step"
        )
    elif "too big" in message:
        hint = f"a value has at most {MAX_VALUE_BYTES >> 20} MiB; select a part of it: substr(…)"
    elif "locked" in message:
        hint = "another connection is writing; use `retry`, or end its transaction first"
    return DatabaseError(message, hint=hint)
