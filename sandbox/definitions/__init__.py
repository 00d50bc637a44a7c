"""Definitions on disk: benchmarks, datasets, and what is wrong with them."""
