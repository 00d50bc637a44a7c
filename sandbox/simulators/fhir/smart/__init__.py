"""SMART on FHIR: the token endpoint, who asks at it, the keys that sign assertions, and what scopes allow."""
