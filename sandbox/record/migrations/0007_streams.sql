-- Events in order of one whole number, their place: a commit that brings one writes one page and not two (`streams.py`).
-- What is the same for all events of a playground is kept once. `events` shows them as they were, for whoever looks.
CREATE TABLE streams (
    number INTEGER PRIMARY KEY,
    playground_id TEXT NOT NULL UNIQUE,
    task_run_id TEXT
) STRICT;
INSERT INTO streams (playground_id, task_run_id)
    SELECT playground_id, MAX(task_run_id) FROM events GROUP BY playground_id;

CREATE TABLE event_rows (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    sandbox_id TEXT,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    duration_ms REAL NOT NULL,
    method TEXT,
    path TEXT,
    query TEXT,
    request_headers TEXT,
    request_body BLOB,
    request_sha TEXT,
    status INTEGER,
    response_headers TEXT,
    response_body BLOB,
    response_sha TEXT,
    actor TEXT NOT NULL,
    via TEXT,
    view INTEGER NOT NULL,
    outcome TEXT,
    changes TEXT,
    chain BLOB
) STRICT;
INSERT INTO event_rows
    SELECT s.number << 32 | e.seq, e.id, e.sandbox_id, e.type, e.at, e.duration_ms, e.method, e.path, e.query,
        e.request_headers, e.request_body, e.request_sha, e.status, e.response_headers, e.response_body,
        e.response_sha, e.actor, e.via, e.view, e.outcome, e.changes, e.chain
    FROM streams s JOIN events e USING (playground_id) ORDER BY s.number, e.seq;
DROP TABLE events;

CREATE VIEW events AS
    SELECT s.playground_id, e.place & 4294967295 AS seq, e.id, s.task_run_id, e.sandbox_id, e.type, e.at, e.duration_ms,
        e.method, e.path, e.query, e.request_headers, e.request_body, e.request_sha, e.status, e.response_headers,
        e.response_body, e.response_sha, e.actor, e.via, e.view, e.outcome, e.changes, e.chain, e.place
    FROM streams s JOIN event_rows e ON e.place > s.number << 32 AND e.place < (s.number + 1) << 32;
