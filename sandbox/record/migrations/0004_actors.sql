-- Whose doing an event is, how the call came in, whether it was a look of the organization's, and what there is to say
-- of the answer that it does not say itself. What was recorded before is the agent's where the playground did not do it itself; who called then was not noted.
ALTER TABLE events ADD COLUMN actor TEXT NOT NULL DEFAULT 'agent';
ALTER TABLE events ADD COLUMN via TEXT;
ALTER TABLE events ADD COLUMN view INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN outcome TEXT;
UPDATE events SET actor = 'scenario'
    WHERE method IS NULL OR method = 'SCENARIO' OR type IN ('scenario_step', 'clock_advanced');
UPDATE events SET via = 'http' WHERE actor = 'agent';
