-- Forks: playgrounds that go on from an event of another one, whose events up to there are theirs, too. `lag_s` is how
-- far their clock is behind, `expires_at` when they are torn down.
ALTER TABLE playgrounds ADD COLUMN parent_id TEXT REFERENCES playgrounds (id);
ALTER TABLE playgrounds ADD COLUMN parent_seq INTEGER;
ALTER TABLE playgrounds ADD COLUMN lag_s REAL NOT NULL DEFAULT 0;
ALTER TABLE playgrounds ADD COLUMN expires_at TEXT;
CREATE INDEX playgrounds_of_parent ON playgrounds (parent_id) WHERE parent_id IS NOT NULL;

-- Names for states to return to.
CREATE TABLE snapshots (
    id TEXT PRIMARY KEY,
    playground_id TEXT NOT NULL REFERENCES playgrounds (id),
    seq INTEGER NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX snapshots_of_playground ON snapshots (playground_id, created_at);
