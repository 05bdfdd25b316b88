-- By what the caller has named the request that has made a run: never used for another one.
ALTER TABLE runs ADD COLUMN request TEXT;

CREATE UNIQUE INDEX runs_by_request ON runs (request);
