-- How a run waits for its turn, as its load test wants it: queue or replace. NULL once it has begun, or is over.
ALTER TABLE runs ADD COLUMN waiting TEXT;
