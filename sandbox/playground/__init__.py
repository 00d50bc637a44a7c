"""A playground is its seed plus its events: the branch, interactions, and how they fold."""
