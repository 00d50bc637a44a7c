"""FHIR R4 search (https://hl7.org/fhir/R4/search.html).

`search` answers a search with a Bundle, `find` with ids, `search_parameters` lists what can be
searched. Nothing here knows HTTP; nothing here writes, save the list of a result of several pages.
"""

from sandbox.simulators.fhir.search.answer.listing import ListedParameter, search_parameters
from sandbox.simulators.fhir.search.engine import check, find, find_as_asked, matching, search
from sandbox.simulators.fhir.search.query.plan import types_named
from sandbox.simulators.fhir.search.query.request import SearchRequest
from sandbox.simulators.fhir.search.terms.definitions import compartments, parameters_of

__all__ = [
    "ListedParameter",
    "SearchRequest",
    "check",
    "compartments",
    "find",
    "find_as_asked",
    "matching",
    "parameters_of",
    "search",
    "search_parameters",
    "types_named",
]
