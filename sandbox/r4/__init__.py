"""FHIR R4's own structure definitions, trimmed to a data file, and the types they define. A leaf: no rules, no wire."""
