"""Playgrounds whoever holds them: their states, forks, and ways through time, for the organization."""
