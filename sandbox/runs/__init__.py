"""Benchmark runs and task runs: their life from created to completed."""
