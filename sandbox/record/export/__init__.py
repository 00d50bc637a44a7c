"""A recorded run for other tools: one file a format, each a fold over the same run, tasks and calls."""
