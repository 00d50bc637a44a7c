"""X12 interchanges as a wire format: segments, envelopes, acknowledgments. Knows no payer, no branch and no HTTP."""
