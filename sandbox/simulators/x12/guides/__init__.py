"""What a transaction set must look like: the dictionary of segments, and the loops of each implementation guide."""
