"""The tables of the SQLite store, one migration after the other."""

from __future__ import annotations

#: Migration number N takes a database from version N to N + 1 (`PRAGMA user_version`).
#:
#: Only tables of short rows are WITHOUT ROWID: looking a key up there reads the rows it passes by,
#: and every event looks its run up. With whole suites in those rows that took seconds.
MIGRATIONS = (
    """
    CREATE TABLE run (
        id TEXT NOT NULL PRIMARY KEY,
        idempotency_key TEXT UNIQUE,
        suite TEXT NOT NULL,
        file TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at REAL NOT NULL,
        ended_at REAL,
        duration_seconds REAL NOT NULL DEFAULT 0,
        message TEXT NOT NULL DEFAULT '',
        totals TEXT NOT NULL DEFAULT '{}',
        context TEXT NOT NULL DEFAULT '{}',
        owner TEXT NOT NULL DEFAULT '',
        spec TEXT NOT NULL,
        source BLOB NOT NULL,
        secrets BLOB NOT NULL DEFAULT x''
    );
    CREATE INDEX run_unfinished ON run (owner) WHERE ended_at IS NULL;
    CREATE INDEX run_ended ON run (ended_at);
    CREATE TABLE run_file (
        run_id TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
        path TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (run_id, path)
    );
    CREATE TABLE event (
        run_id TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (run_id, seq)
    );
    CREATE TABLE unit (
        run_id TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
        unit TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        state BLOB NOT NULL,
        PRIMARY KEY (run_id, unit)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE event ADD COLUMN key TEXT;
    CREATE UNIQUE INDEX event_key ON event (run_id, key) WHERE key IS NOT NULL;
    """,
)
