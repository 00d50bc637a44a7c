"""The simulated systems; every folder holds the same files."""
