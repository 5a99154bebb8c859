-- A known text, sealed with the key of the first engine: one that cannot open it has another key.
CREATE TABLE encryption_check (
    id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    sealed bytea NOT NULL
);
