"""Criteria into criterion runs, and their aggregate."""
