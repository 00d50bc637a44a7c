-- The task API: projects, tasks with their revisions, runs with their files, tags, reporting groups, credentials.
-- Times here are ISO 8601 with microseconds and offset; `body` columns hold the object's JSON.

CREATE TABLE llm_projects (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL,
    body TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;

CREATE TABLE llm_tasks (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES llm_projects (id),
    body TEXT NOT NULL,
    created TEXT NOT NULL,
    deleted TEXT
) STRICT;

CREATE TABLE llm_revisions (
    id TEXT PRIMARY KEY,
    task_id TEXT NOT NULL REFERENCES llm_tasks (id),
    position INTEGER NOT NULL,
    body TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
CREATE INDEX llm_revisions_of_task ON llm_revisions (task_id, position);

-- `ordinal` counts a task's runs; the choice between weighted revisions depends on it.
CREATE TABLE llm_runs (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task_revision_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    is_error INTEGER NOT NULL,
    is_test INTEGER NOT NULL,
    reporting_group_id TEXT,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    llm_call_timing REAL,
    charged_credits TEXT,
    body TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
CREATE INDEX llm_runs_of_task ON llm_runs (task_id, created, id);
CREATE INDEX llm_runs_of_project ON llm_runs (project_id, created, id);

CREATE TABLE llm_run_files (
    run_id TEXT NOT NULL REFERENCES llm_runs (id),
    stored_filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    original_filename TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES blobs (sha256),
    PRIMARY KEY (run_id, stored_filename)
) STRICT, WITHOUT ROWID;

-- Tags, reporting groups: small objects of a project, by kind.
CREATE TABLE llm_objects (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES llm_projects (id),
    kind TEXT NOT NULL CHECK (kind IN ('tag', 'reporting_group')),
    body TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;

-- Keys made through the API, OAuth clients and their access tokens; only the SHA-256 of a secret is kept.
CREATE TABLE llm_credentials (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES llm_projects (id),
    kind TEXT NOT NULL CHECK (kind IN ('api_key', 'oauth_client', 'access_token')),
    hash TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    created TEXT NOT NULL,
    expires TEXT,
    revoked TEXT
) STRICT;

-- What only this server knows: the key that signs task access tokens.
CREATE TABLE llm_secrets (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
