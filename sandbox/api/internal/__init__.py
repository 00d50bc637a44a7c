"""The internal API: a file per resource."""
