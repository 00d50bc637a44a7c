"""What a run does, from its inputs to its stored TaskRun, and what stored runs add up to. Must not know HTTP."""
