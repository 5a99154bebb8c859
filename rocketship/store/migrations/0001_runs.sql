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

-- Gives events the next numbers of their run, each key once. The lock on the run is taken by a
-- statement of its own, so that the next one sees what others stored while it was waited for.
CREATE FUNCTION add_events(
    to_run text, new_keys text[], new_bodies text[], OUT seq bigint, OUT key text
) RETURNS SETOF record LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM run WHERE id = to_run AND ended_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
        INSERT INTO event AS stored (run_id, seq, key, body)
        SELECT to_run, last.seq + row_number() OVER (ORDER BY item.place), item.key, item.body
        FROM unnest(new_keys, new_bodies) WITH ORDINALITY AS item (key, body, place),
            (SELECT coalesce(max(event.seq), 0) AS seq FROM event WHERE run_id = to_run) AS last
        WHERE NOT EXISTS (
            SELECT FROM event WHERE run_id = to_run AND event.key = item.key
        )
        RETURNING stored.seq, stored.key;
    PERFORM pg_notify('rocketship', to_run);
END $$;
