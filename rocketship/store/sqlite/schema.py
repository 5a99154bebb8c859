"""The tables of the SQLite store, one migration after the other."""

from __future__ import annotations

_FILTERED = "status, suite, file, from_project, from_source, from_branch, from_schedule"

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
    # What lists order by, filter by and search in (`filters.py`), and an index for each order that
    # holds all of it: to look into a run itself is to pass by the suite that is in it.
    f"""
    ALTER TABLE run ADD COLUMN end_key REAL NOT NULL DEFAULT 9e999;
    ALTER TABLE run ADD COLUMN duration_key REAL NOT NULL DEFAULT 9e999;
    ALTER TABLE run ADD COLUMN from_project TEXT NOT NULL DEFAULT '';
    ALTER TABLE run ADD COLUMN from_source TEXT NOT NULL DEFAULT '';
    ALTER TABLE run ADD COLUMN from_branch TEXT NOT NULL DEFAULT '';
    ALTER TABLE run ADD COLUMN from_schedule TEXT NOT NULL DEFAULT '';
    ALTER TABLE run ADD COLUMN searched TEXT NOT NULL DEFAULT '';
    UPDATE run SET
        end_key = coalesce(ended_at, 9e999),
        duration_key = iif(ended_at IS NULL, 9e999, duration_seconds),
        from_project = lower(coalesce(json_extract(context, '$.project_id'), '')),
        from_source = lower(coalesce(json_extract(context, '$.source'), '')),
        from_branch = lower(coalesce(json_extract(context, '$.branch'), '')),
        from_schedule = lower(coalesce(json_extract(context, '$.schedule_name'), '')),
        searched = lower(
            suite || char(31) || file || char(31)
            || coalesce(json_extract(context, '$.branch'), '') || char(31)
            || coalesce(json_extract(context, '$.commit'), '') || char(31) || message
        );
    CREATE TABLE suite_name (name TEXT NOT NULL PRIMARY KEY, folded TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO suite_name SELECT DISTINCT suite, lower(suite) FROM run;
    CREATE INDEX run_by_start ON run (id, {_FILTERED});
    CREATE INDEX run_by_end ON run (end_key, id, {_FILTERED});
    CREATE INDEX run_by_duration ON run (duration_key, id, {_FILTERED});
    CREATE INDEX run_searched ON run (id, {_FILTERED}, end_key, duration_key, searched);
    """,
)
