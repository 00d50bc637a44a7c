"""What indexes are made of: keys, selections, intervals."""
