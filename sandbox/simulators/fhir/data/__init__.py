"""Data derived from the FHIR R4 (4.0.1) definitions, and the scripts that derive it."""
