"""Two final states side by side: what a task run changed, and whether another run changed the same."""
