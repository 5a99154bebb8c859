-- Lines for the logs of runs, on their way to the engine that carries the run out: only that one
-- numbers the run's events.
CREATE TABLE mail (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text COLLATE "C" NOT NULL REFERENCES run ON DELETE CASCADE,
    body text NOT NULL
);
CREATE INDEX mail_by_run ON mail (run_id, id);
