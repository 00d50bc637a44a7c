"""FHIR R4 over REST."""
