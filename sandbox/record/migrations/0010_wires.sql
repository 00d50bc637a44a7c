-- The number of the port that a sandbox listens on, so that it has the same one after a restart. It is no part of the
-- playground, as a seed does not repeat it.
CREATE TABLE ports (
    sandbox_id TEXT PRIMARY KEY,
    port INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What came by MLLP on the shared port and named nobody who was there.
CREATE TABLE stray_messages (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    application TEXT NOT NULL,
    facility TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
