"""Names that the whole simulator shares: collections of the branch, entity tags."""

from typing import Final

SURFACE: Final = "fhir"
HISTORY: Final = "fhir/_history"


def etag_of(version: int) -> str:
    """Return the entity tag of a resource's version (R4, RESTful API, "Managing Resource Contention").

    >>> etag_of(3)
    'W/"3"'
    """
    return f'W/"{version}"'


def collection_of(resource_type: str) -> str:
    """Return the collection that holds a type's resources.

    >>> collection_of("Patient")
    'fhir/Patient'
    """
    return "fhir/" + resource_type
