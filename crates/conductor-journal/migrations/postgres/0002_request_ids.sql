-- By what the caller has named the request that has made a run: never used for another one.
ALTER TABLE runs ADD COLUMN request text COLLATE "C";

CREATE UNIQUE INDEX runs_by_request ON runs (request);
