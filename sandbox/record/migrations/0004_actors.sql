-- Whose doing an event is, how the call came in, and whether it was a look of the organization's. What was recorded
-- before is the agent's where the playground did not do it itself; who called then was not noted.
ALTER TABLE events ADD COLUMN actor TEXT NOT NULL DEFAULT 'agent';
ALTER TABLE events ADD COLUMN via TEXT;
ALTER TABLE events ADD COLUMN view INTEGER NOT NULL DEFAULT 0;
UPDATE events SET actor = 'scenario'
    WHERE method IS NULL OR method = 'SCENARIO' OR type IN ('scenario_step', 'clock_advanced');
UPDATE events SET via = 'http' WHERE actor = 'agent';
