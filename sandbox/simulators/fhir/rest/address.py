"""What a path of the FHIR API addresses (R4, RESTful API, "Service Base URL"; a leaf of `rest/`)."""

from collections.abc import Mapping
from typing import Final

from sandbox.errors import NotFound
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir.state import check_type


def kind_of(path: tuple[str, ...]) -> str:
    """Return what a path addresses; raises `NotFound` for what is nothing.

    >>> kind_of(("Patient", "1")), kind_of(("Patient", "1", "_history", "2")), kind_of(("Patient", "$lastn"))
    ('instance', 'version', 'type-operation')
    """
    if not path:
        return "system"
    first = path[0]
    if len(path) == 1:
        if first in resource_types():
            return "type"
        if first.startswith("$"):
            return "system-operation"
        if first in SYSTEM:
            return SYSTEM[first]
        check_type(first)
    check_type(first)
    if len(path) == 2:
        if path[1].startswith("$"):
            return "type-operation"
        if path[1].startswith("_"):
            return _known(_TYPE, path)
        return "instance"
    if len(path) == 3:
        if path[2].startswith("$"):
            return "instance-operation"
        if path[2] == "_history":
            return "instance-history"
        if path[2] == "*" or path[2] in resource_types():
            return "compartment"
    if len(path) == 4:
        if path[2] == "_history":
            return "version"
        if path[3] == "_search" and (path[2] == "*" or path[2] in resource_types()):
            return "compartment-search"
    raise NotFound(f'There is nothing at "{"/".join(path)}" in the FHIR API.')


SYSTEM: Final[Mapping[str, str]] = {
    "metadata": "metadata",
    "_history": "system-history",
    "_search": "system-search",
}
_TYPE: Final[Mapping[str, str]] = {"_history": "type-history", "_search": "type-search"}


def _known(table: Mapping[str, str], path: tuple[str, ...]) -> str:
    kind = table.get(path[-1])
    if kind is None:
        raise NotFound(f'There is nothing at "{"/".join(path)}" in the FHIR API.')
    return kind
