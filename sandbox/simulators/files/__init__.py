"""A file drop."""
