"""Small readings of R4 that all rooms share, each once: names, numbers, dates, parameters, leniency, issues, URLs."""
