"""What is stored: projects, tasks, revisions, tags and reporting groups, and how they change.

Must not know HTTP, nor how a task is run.
"""
