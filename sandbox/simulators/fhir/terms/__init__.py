"""Small readings of R4 that every room shares, each rule once: names, whole numbers, dates, leniency, issues, URLs."""
