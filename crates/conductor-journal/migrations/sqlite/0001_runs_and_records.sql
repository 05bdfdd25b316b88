-- One row a run, for listings; everything else about it is in its records.
CREATE TABLE runs (
    id          TEXT PRIMARY KEY NOT NULL,
    name        TEXT NOT NULL,
    environment TEXT NOT NULL,
    created     TEXT NOT NULL,
    finished    INTEGER NOT NULL DEFAULT 0
);

-- The journals. Never updated, never deleted from.
CREATE TABLE records (
    run      TEXT NOT NULL REFERENCES runs (id),
    revision INTEGER NOT NULL,
    at       TEXT NOT NULL,
    event    TEXT NOT NULL,
    PRIMARY KEY (run, revision)
) WITHOUT ROWID;

-- What other processes ask of the one that drives a run.
CREATE TABLE stop_requests (
    run TEXT PRIMARY KEY NOT NULL REFERENCES runs (id),
    by  TEXT NOT NULL
);
