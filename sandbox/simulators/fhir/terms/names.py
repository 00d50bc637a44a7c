"""Names that the whole simulator shares: collections of the branch, media types."""

from typing import Final

SURFACE: Final = "fhir"
HISTORY: Final = "fhir/_history"
TOKENS: Final = "fhir/_tokens"
ASSERTIONS: Final = "fhir/_assertions"
REFUSALS: Final = "fhir/_refusals"
CLIENT: Final = "fhir/_client"
MEDIA_TYPE: Final = "application/fhir+json"
FHIR_VERSION: Final = "4.0.1"


def collection_of(resource_type: str) -> str:
    """Return the collection that holds a type's resources.

    >>> collection_of("Patient")
    'fhir/Patient'
    """
    return "fhir/" + resource_type
