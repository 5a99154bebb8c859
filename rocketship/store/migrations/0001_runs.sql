-- Lists read only what is short: what was to be run, with whole suites in it, has a table of its own.
CREATE TABLE run (
    id text COLLATE "C" PRIMARY KEY,
    idempotency_key text UNIQUE,
    suite text NOT NULL,
    file text NOT NULL,
    status text NOT NULL,
    created_at double precision NOT NULL,
    ended_at double precision,
    duration_seconds double precision NOT NULL DEFAULT 0,
    message text NOT NULL DEFAULT '',
    totals text NOT NULL DEFAULT '{}',
    context text NOT NULL DEFAULT '{}',
    owner text NOT NULL DEFAULT '',
    -- What lists filter by, taken from the context in lower case.
    project text NOT NULL DEFAULT '',
    source text NOT NULL DEFAULT '',
    branch text NOT NULL DEFAULT '',
    schedule text NOT NULL DEFAULT '',
    -- Asked for by any engine, done by the one that carries the run out.
    cancel_reason text,
    cancel_force boolean NOT NULL DEFAULT false
);
CREATE INDEX run_unfinished ON run (owner) WHERE ended_at IS NULL;
CREATE INDEX run_ended ON run (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX run_by_end ON run ((coalesce(ended_at, 'infinity')), id);
CREATE INDEX run_by_duration ON run (
    (CASE WHEN ended_at IS NULL THEN 'infinity' ELSE duration_seconds END), id
);
CREATE INDEX run_by_status ON run (status, id);
CREATE INDEX run_by_file ON run (file, id);
CREATE INDEX run_by_project ON run (project, id) WHERE project <> '';
CREATE INDEX run_by_source ON run (source, id) WHERE source <> '';
CREATE INDEX run_by_branch ON run (branch, id) WHERE branch <> '';
CREATE INDEX run_by_schedule ON run (schedule, id) WHERE schedule <> '';

CREATE TABLE run_spec (
    run_id text COLLATE "C" PRIMARY KEY REFERENCES run ON DELETE CASCADE,
    spec bytea NOT NULL,
    source bytea NOT NULL,
    secrets bytea NOT NULL DEFAULT ''
);

CREATE TABLE run_file (
    run_id text COLLATE "C" NOT NULL REFERENCES run ON DELETE CASCADE,
    path text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (run_id, path)
);

CREATE TABLE event (
    run_id text COLLATE "C" NOT NULL REFERENCES run ON DELETE CASCADE,
    seq bigint NOT NULL,
    key text,
    body text NOT NULL,
    PRIMARY KEY (run_id, seq)
);
CREATE UNIQUE INDEX event_key ON event (run_id, key) WHERE key IS NOT NULL;

CREATE TABLE unit (
    run_id text COLLATE "C" NOT NULL REFERENCES run ON DELETE CASCADE,
    unit text NOT NULL,
    attempt integer NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (run_id, unit)
);

-- An engine is alive as long as it says so; the clock is that of the database.
CREATE TABLE engine (
    name text PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT now()
);
