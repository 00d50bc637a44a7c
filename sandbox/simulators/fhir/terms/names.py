"""Names that the whole simulator shares: the surface, and the collections of the branch."""

from typing import Final

SURFACE: Final = "fhir"
HISTORY: Final = "fhir/_history"


def collection_of(resource_type: str) -> str:
    """Return the collection that holds a type's resources.

    >>> collection_of("Patient")
    'fhir/Patient'
    """
    return "fhir/" + resource_type
