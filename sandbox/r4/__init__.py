"""FHIR R4 itself: its structure definitions, trimmed to a data file, the types they define, what its dates mean, and
what is wrong with a resource (`validation/`). A leaf: no store, no wire."""
