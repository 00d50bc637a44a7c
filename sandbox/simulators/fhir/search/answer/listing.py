"""The search parameters as a CapabilityStatement lists them, from the table that serves them."""

from dataclasses import dataclass

from sandbox.simulators.fhir.search.terms.definitions import parameters_of


@dataclass(frozen=True, slots=True)
class ListedParameter:
    """One row of `CapabilityStatement.rest.resource.searchParam`."""

    name: str
    type: str
    definition: str
    documentation: str


def search_parameters(resource_type: str) -> list[ListedParameter]:
    """Return the search parameters of a resource type, those of every resource included, by name.

    >>> [p.name for p in search_parameters("Binary")]
    ['_content', '_id', '_lastUpdated', '_profile', '_security', '_source', '_tag']
    """
    return [ListedParameter(p.code, p.type, p.url, p.documentation) for p in parameters_of(resource_type).values()]
