"""What FHIR R4 is called on the wire."""

from typing import Final

MEDIA_TYPE: Final = "application/fhir+json"
FHIR_VERSION: Final = "4.0.1"
