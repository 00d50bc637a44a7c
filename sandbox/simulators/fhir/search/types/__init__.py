"""The search types, one a file."""

from collections.abc import Mapping
from typing import Final

from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.types.base import Code, Context, SearchType, Terminology
from sandbox.simulators.fhir.search.types.composite import CompositeType
from sandbox.simulators.fhir.search.types.date import DateType
from sandbox.simulators.fhir.search.types.number import NumberType
from sandbox.simulators.fhir.search.types.quantity import QuantityType
from sandbox.simulators.fhir.search.types.reference import ReferenceType
from sandbox.simulators.fhir.search.types.special import SpecialType
from sandbox.simulators.fhir.search.types.string import StringType
from sandbox.simulators.fhir.search.types.text import TextType
from sandbox.simulators.fhir.search.types.token import TokenType
from sandbox.simulators.fhir.search.types.uri import UriType

SIMPLE_TYPES: Final[Mapping[str, SearchType]] = {
    kind.name: kind
    for kind in (DateType(), NumberType(), QuantityType(), ReferenceType(), StringType(), TokenType(), UriType())
}
SEARCH_TYPES: Final[Mapping[str, SearchType]] = {
    **SIMPLE_TYPES,
    "composite": CompositeType(SIMPLE_TYPES),
    "special": SpecialType(),
}
TEXT: Final = TextType()
TEXT_PARAMETERS: Final = frozenset({"_text", "_content"})


def search_type_of(parameter: Parameter) -> SearchType:
    """Return the search type that serves a parameter."""
    return TEXT if parameter.code in TEXT_PARAMETERS else SEARCH_TYPES[parameter.type]


__all__ = ["SEARCH_TYPES", "Code", "Context", "SearchType", "Terminology", "search_type_of"]
