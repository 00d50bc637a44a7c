-- The database of one server. Version 1; later versions are files in migrations/.
-- Times are ISO 8601 UTC with milliseconds; JSON columns hold UTF-8 text.

CREATE TABLE organizations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE solvers (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    alias TEXT NOT NULL,
    real_name TEXT,
    agent_description TEXT,
    contact_email TEXT,
    created_at TEXT NOT NULL,
    UNIQUE (organization_id, alias)
) STRICT;

-- Only the SHA-256 of a key is kept. A key of kind 'solver' names its solver.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    solver_id TEXT REFERENCES solvers (id),
    kind TEXT NOT NULL CHECK (kind IN ('organization', 'solver')),
    hash TEXT NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    suffix TEXT NOT NULL,
    created_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT;

-- Content-addressed bytes: bodies over 64 KiB, binary documents, the files of datasets.
CREATE TABLE blobs (
    sha256 TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What runs were made from: the frozen JSON of a benchmark by content hash.
CREATE TABLE definitions (
    hash TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE dataset_files (
    dataset_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    PRIMARY KEY (dataset_hash, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE benchmark_runs (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    solver_id TEXT REFERENCES solvers (id),
    benchmark_id TEXT NOT NULL,
    slug TEXT NOT NULL,
    version INTEGER NOT NULL,
    definition_hash TEXT NOT NULL REFERENCES definitions (hash),
    scored INTEGER NOT NULL,
    agent TEXT,
    seed INTEGER,
    phase TEXT NOT NULL,
    status TEXT NOT NULL,
    verdict TEXT,
    score REAL,
    token_hash TEXT NOT NULL UNIQUE,
    token_expires_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,
    published_at TEXT
) STRICT;
CREATE INDEX benchmark_runs_status ON benchmark_runs (status);

CREATE TABLE task_runs (
    id TEXT PRIMARY KEY,
    benchmark_run_id TEXT NOT NULL REFERENCES benchmark_runs (id),
    task_id TEXT NOT NULL,
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    playground_id TEXT NOT NULL,
    phase TEXT NOT NULL,
    status TEXT NOT NULL,
    verdict TEXT,
    score REAL,
    axes TEXT,
    output TEXT,
    notes TEXT,
    created_at TEXT NOT NULL,
    started_at TEXT,
    timeout_at TEXT,
    completed_at TEXT
) STRICT;
CREATE INDEX task_runs_of_run ON task_runs (benchmark_run_id, position);

CREATE TABLE playgrounds (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    benchmark_run_id TEXT,
    task_run_id TEXT,
    environment_id TEXT NOT NULL,
    key TEXT NOT NULL,
    definition_hash TEXT NOT NULL,
    seed INTEGER,
    status TEXT NOT NULL,
    baseline_seq INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX playgrounds_of_run ON playgrounds (benchmark_run_id);

CREATE TABLE sandboxes (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    playground_id TEXT,
    simulator_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    surface TEXT NOT NULL,
    config TEXT NOT NULL,
    secrets TEXT NOT NULL,
    dataset TEXT,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX sandboxes_of_playground ON sandboxes (playground_id, position);

CREATE TABLE criterion_runs (
    id TEXT PRIMARY KEY,
    task_run_id TEXT NOT NULL REFERENCES task_runs (id),
    criterion_id TEXT NOT NULL,
    label TEXT NOT NULL,
    axis TEXT,
    weight REAL NOT NULL,
    passed INTEGER NOT NULL,
    score REAL NOT NULL,
    details TEXT,
    evidence TEXT,
    position INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    completed_at TEXT NOT NULL,
    superseded_at TEXT
) STRICT;
CREATE INDEX criterion_runs_of_task_run ON criterion_runs (task_run_id, position);

-- One row per event; a body is either inline or in blobs under its sha.
CREATE TABLE events (
    playground_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    task_run_id TEXT,
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
    changes TEXT,
    PRIMARY KEY (playground_id, seq)
) STRICT;
