"""What every FHIR API has alike: media types and preferences, OperationOutcomes, SMART's token endpoint and its scopes.

Who serves one imports it from here; it must not know what any of them stores or answers.
"""
