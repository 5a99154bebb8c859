"""What a statement does as far as its text tells, and the values that are bound to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rocketship.plugins.sql.lexer import tokens, words

_READS = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "DESCRIBE", "DESC"})
#: Any of these makes a statement that begins like a read change, lock or run something.
_EFFECTS = frozenset(
    {"INSERT", "UPDATE", "DELETE", "MERGE", "INTO", "SHARE", "ANALYZE", "CALL", "NEXTVAL", "SETVAL"}
    | {"GET_LOCK", "RELEASE_LOCK", "PG_NOTIFY", "DBLINK_EXEC", "DBLINK", "LOAD_EXTENSION"}
    | {"PG_TERMINATE_BACKEND", "PG_CANCEL_BACKEND", "SET_CONFIG", "LASTVAL"}
)
_EFFECT_PREFIXES = ("PG_ADVISORY", "PG_TRY_ADVISORY", "LO_")
#: In T-SQL another statement may follow without a semicolon, and VALUE is of NEXT VALUE FOR.
_TSQL_EFFECTS = frozenset(
    {"ALTER", "BACKUP", "BULK", "CHECKPOINT", "CREATE", "DBCC", "DENY", "DROP", "EXEC", "EXECUTE"}
    | {"GRANT", "KILL", "OPENDATASOURCE", "OPENQUERY", "OPENROWSET", "RESTORE", "REVOKE", "SEND"}
    | {"SHUTDOWN", "TRUNCATE", "UPDATETEXT", "VALUE", "WAITFOR", "WRITETEXT"}
)
#: Placeholders that bear a number.
_NUMBERED = frozenset({"$", "@bound"})


def only_reads(sql: str, dialect: str) -> bool:
    """Return whether repeating a statement changes nothing; in doubt it does."""
    found = list(words(sql, dialect))
    if not found or found[0] not in _READS:
        return False
    if dialect == "sqlserver" and not _TSQL_EFFECTS.isdisjoint(found):
        return False
    return not any(word in _EFFECTS or word.startswith(_EFFECT_PREFIXES) for word in found)


def bind(
    sql: str, dialect: str, params: Mapping[str, Any], placeholder: str
) -> tuple[str, list[Any]]:
    """Return a statement with a driver's placeholder for each `:name` of `params`, and the values.

    The placeholder `$` stands for `$1`, `$2` and so on, and so does `@bound`. Other names after a
    colon stay as they are: array slices and casts look the same.
    """
    if not (used_names(sql, dialect) & params.keys()):
        return sql, []
    pieces, values = [], []
    for token in tokens(sql, dialect):
        if token.kind == "parameter" and token.text[1:] in params:
            values.append(params[token.text[1:]])
            number = len(values) if placeholder in _NUMBERED else ""
            pieces.append(f"{placeholder}{number}")
        elif placeholder == "%s":
            pieces.append(token.text.replace("%", "%%"))
        else:
            pieces.append(token.text)
    return "".join(pieces), values


def used_names(sql: str, dialect: str) -> set[str]:
    """Return the names that stand after a colon, outside quotes and comments."""
    return {token.text[1:] for token in tokens(sql, dialect) if token.kind == "parameter"}
