-- Criteria that must pass in full: which were, and which of them failed. What was recorded before had none.

ALTER TABLE task_runs ADD COLUMN failed_required TEXT NOT NULL DEFAULT '[]';
ALTER TABLE criterion_runs ADD COLUMN required INTEGER NOT NULL DEFAULT 0;
