-- Large contents are stored in parts, ahead of the event that names them (`contents.py`): `parts` says in how many, and
-- then `body` is empty. Parts whose content has no row in `blobs` never came to their end. An event's changes may now be
-- the name of a content, as a JSON string, or name one for a JSON document (kind 4, see `encode.py`).
ALTER TABLE blobs ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;

CREATE TABLE blob_parts (
    sha256 TEXT NOT NULL,
    number INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (sha256, number)
) STRICT;

-- When what an LLM task run was given and gave was removed; what it counts for stays.
ALTER TABLE llm_runs ADD COLUMN pruned_at TEXT;
