-- What other processes ask of the one that drives a run: to stop, or another target. Numbers are never used again.
CREATE TABLE requests (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    run     TEXT NOT NULL REFERENCES runs (id),
    request TEXT NOT NULL
);

INSERT INTO requests (run, request)
    SELECT run, json_object('stop', json_object('by', by)) FROM stop_requests;

DROP TABLE stop_requests;

CREATE INDEX requests_by_run ON requests (run, number);
