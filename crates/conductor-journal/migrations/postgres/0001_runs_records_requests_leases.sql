-- One row a run, for listings; everything else about it is in its records.
CREATE TABLE runs (
    id          text COLLATE "C" PRIMARY KEY,
    name        text NOT NULL,
    environment text NOT NULL,
    created     text NOT NULL,
    finished    boolean NOT NULL DEFAULT false
);

-- The journals. Never updated, never deleted from. Times and events are kept as they were written, to the last digit.
CREATE TABLE records (
    run      text COLLATE "C" NOT NULL REFERENCES runs (id),
    revision bigint NOT NULL,
    at       text NOT NULL,
    event    text NOT NULL,
    PRIMARY KEY (run, revision)
);

-- What other processes ask of the one that drives a run: to stop, or another target. Numbers are never used again.
CREATE TABLE requests (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run     text COLLATE "C" NOT NULL REFERENCES runs (id),
    request text NOT NULL
);

CREATE INDEX requests_by_run ON requests (run, number);

-- Who may work on an environment. A row stays for ever, so that an epoch is never used again: it grows by one whenever
-- somebody takes the environment. One that was given back has expired at -infinity.
CREATE TABLE leases (
    environment text COLLATE "C" PRIMARY KEY,
    holder      text NOT NULL,
    epoch       bigint NOT NULL,
    expires     timestamptz NOT NULL
);
