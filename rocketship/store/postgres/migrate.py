"""Brings the database to the version of this program, once, however many engines start."""

from __future__ import annotations

from importlib.resources import files

from psycopg import sql

from rocketship.errors import StoreError
from rocketship.store.postgres.database import Connection, Database
from rocketship.store.postgres.failures import translate

#: Whoever holds this lock migrates; the others wait and find it done.
MIGRATION_LOCK = 0x726F636B6574
#: A migration of a large history may take its time, and so may waiting for one.
_LIMITS = "SET LOCAL statement_timeout = '15min'; SET LOCAL lock_timeout = '15min'"


def migrations() -> list[str]:
    """Return the statements of every migration; number N makes version N + 1."""
    folder = files("rocketship.store") / "migrations"
    scripts = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return [entry.read_text("utf-8") for entry in sorted(scripts, key=lambda entry: entry.name)]


async def migrate(database: Database) -> None:
    """Apply what is missing, in one transaction.

    Raises:
        StoreError: The database is newer than this program, or refuses a migration.
    """
    import psycopg

    try:
        async with database.connect() as connection, connection.transaction():
            await connection.execute(_LIMITS)
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
            await _apply(connection, database.place.name)
    except psycopg.Error as error:
        raise translate(error, database.place) from None


async def _apply(connection: Connection, name: str) -> None:
    await connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version int NOT NULL)")
    row = await (await connection.execute("SELECT max(version) FROM schema_version")).fetchone()
    version, scripts = (row and row[0]) or 0, migrations()
    if version > len(scripts):
        raise StoreError(
            f"{name} has version {version}, newer than this program understands ({len(scripts)})",
            hint="upgrade this engine; all engines of one database should be of one version",
        )
    for number, script in enumerate(scripts[version:], version + 1):
        await connection.execute(sql.SQL(script))
        await connection.execute("INSERT INTO schema_version VALUES (%s)", (number,))
