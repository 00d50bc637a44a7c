"""Engines: what answers a task's prompt. One file, or folder, per engine."""
