"""What a search asks: its parameters read, and its criteria selected on the store's indexes."""
