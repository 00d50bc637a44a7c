"""SMART on FHIR: what scopes allow here; tokens are given as by every FHIR API (`fhir_api/token.py`)."""
