"""FHIR R4 search (https://hl7.org/fhir/R4/search.html).

`search` answers a search with a Bundle, `find` with ids, `search_parameters` lists what can be
searched. Nothing here knows HTTP; nothing here writes, save the list of a result of several pages.
"""

from sandbox.simulators.fhir.search.definitions import compartments, parameters_of, resource_types
from sandbox.simulators.fhir.search.engine import find, find_as_asked, make_indexes, search
from sandbox.simulators.fhir.search.listing import ListedParameter, search_parameters
from sandbox.simulators.fhir.search.plan import types_named
from sandbox.simulators.fhir.search.request import SearchRequest

__all__ = [
    "ListedParameter",
    "SearchRequest",
    "compartments",
    "find",
    "find_as_asked",
    "make_indexes",
    "parameters_of",
    "resource_types",
    "search",
    "search_parameters",
    "types_named",
]
