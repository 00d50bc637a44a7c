"""The words of a search: R4's parameters and compartments, their paths, written values, how one is refused."""
