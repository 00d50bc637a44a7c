-- What shows that the record is whole: every event carries a hash of itself and of the one before it (`chain.py`), the
-- database its own name and a generation that a file beside it knows, too (`witness.py`). Events from before have none.
ALTER TABLE events ADD COLUMN chain BLOB;

CREATE TABLE record_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    database_id TEXT NOT NULL,
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO record_state (id, database_id, generation) VALUES (1, lower(hex(randomblob(16))), 0);

-- What is missing and was accepted, so that it is told once and not at every start.
CREATE TABLE losses (
    playground_id TEXT PRIMARY KEY,
    what TEXT NOT NULL,
    accepted_at TEXT NOT NULL
) STRICT;

-- When a run's events were removed; what it came to stays.
ALTER TABLE benchmark_runs ADD COLUMN pruned_at TEXT;

-- How many events a playground had when its task run ended.
ALTER TABLE playgrounds ADD COLUMN end_seq INTEGER;

PRAGMA application_id = 1396854616;
