"""Which interaction a path and method mean: one table for the wire, Bundles and the CapabilityStatement."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.errors import MethodNotAllowed, NotFound, Unsupported
from sandbox.simulators.fhir import interactions
from sandbox.simulators.fhir.calls import Answer, Call, Handler
from sandbox.simulators.fhir.state import check_type
from sandbox.simulators.fhir.validation.structures import resource_types


@dataclass(frozen=True, slots=True)
class Served:
    """One interaction that is served. `code` is R4's (system- or type-restful-interaction), None for
    what the CapabilityStatement has no code for; `scope` is the SMART permission it needs."""

    handler: Handler
    code: str | None
    scope: str


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
        if first in _SYSTEM:
            return _SYSTEM[first]
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


_SYSTEM: Final[Mapping[str, str]] = {
    "metadata": "metadata",
    "_history": "system-history",
    "_search": "system-search",
}
# Served by routes of their own; a call that arrives here has the wrong method.
_OUTSIDE: Final[Mapping[tuple[str, ...], str]] = {("token",): "POST", (".well-known", "smart-configuration"): "GET"}
_TYPE: Final[Mapping[str, str]] = {"_history": "type-history", "_search": "type-search"}


def _known(table: Mapping[str, str], path: tuple[str, ...]) -> str:
    kind = table.get(path[-1])
    if kind is None:
        raise NotFound(f'There is nothing at "{"/".join(path)}" in the FHIR API.')
    return kind


def served(call_path: tuple[str, ...], method: str) -> Served:
    """Return the interaction; raises `NotFound`, or `MethodNotAllowed` with the methods that work."""
    if call_path in _OUTSIDE:
        allowed = _OUTSIDE[call_path]
        if method == allowed:
            place = "/".join(call_path)
            raise Unsupported(f"{method} {place} is served at this very path, and by itself, not in a Bundle.")
        raise MethodNotAllowed(f"{method} is not served here; use {allowed}.", headers={"Allow": allowed})
    kind = kind_of(call_path)
    row = INTERACTIONS[kind]
    found = row.get("GET" if method == "HEAD" else method)
    if found is None:
        allowed = ", ".join(row)
        message = f"{method} is not served at /{'/'.join(call_path)}; use {allowed}."
        raise MethodNotAllowed(message, headers={"Allow": allowed})
    return found


def dispatch(call: Call) -> Answer:
    """Carry out a call."""
    return served(call.path, call.method).handler(call)


def _table() -> dict[str, dict[str, Served]]:
    from sandbox.simulators.fhir import bundles, capability, history_bundles, searching, writing
    from sandbox.simulators.fhir.operations import dispatch_operation

    run = Served(dispatch_operation, None, "read")
    operation = {"GET": run, "POST": run}
    return {
        "system": {
            "GET": Served(searching.search_system, "search-system", "read"),
            "POST": Served(bundles.process, "transaction", "write"),
        },
        "metadata": {"GET": Served(capability.metadata, None, "none")},
        "system-history": {"GET": Served(history_bundles.of_system, "history-system", "read")},
        "system-search": {"POST": Served(searching.search_system, None, "read")},
        "system-operation": operation,
        "type": {
            "GET": Served(searching.search_type, "search-type", "read"),
            "POST": Served(interactions.create, "create", "write"),
            "PUT": Served(writing.conditional_update, None, "write"),
            "PATCH": Served(writing.patch, None, "write"),
            "DELETE": Served(writing.conditional_delete, None, "write"),
        },
        "type-search": {
            "GET": Served(searching.search_type, None, "read"),
            "POST": Served(searching.search_type, None, "read"),
        },
        "type-history": {"GET": Served(history_bundles.of_type, "history-type", "read")},
        "type-operation": operation,
        "instance": {
            "GET": Served(interactions.read, "read", "read"),
            "PUT": Served(interactions.update, "update", "write"),
            "PATCH": Served(writing.patch, "patch", "write"),
            "DELETE": Served(interactions.delete, "delete", "write"),
        },
        "instance-history": {"GET": Served(history_bundles.of_instance, "history-instance", "read")},
        "version": {"GET": Served(interactions.vread, "vread", "read")},
        "instance-operation": operation,
        "compartment": {"GET": Served(searching.search_compartment, None, "read")},
        "compartment-search": {"POST": Served(searching.search_compartment, None, "read")},
    }


class _Interactions(dict[str, dict[str, Served]]):
    """The table, put together on first use, since Bundles dispatch through it in turn."""

    def __missing__(self, kind: str) -> dict[str, Served]:
        self.update(_table())
        return self[kind]


INTERACTIONS: Final = _Interactions()
