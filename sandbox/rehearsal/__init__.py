"""Running a benchmark with an agent on this machine."""
