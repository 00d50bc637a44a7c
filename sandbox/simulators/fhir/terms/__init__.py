"""Small readings of R4 that all rooms share, each rule once: names, numbers, dates, parameters, leniency, issues, URLs."""
