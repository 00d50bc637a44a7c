"""Who may: callers and their permissions, and the keys, clients and tokens that they come with."""
