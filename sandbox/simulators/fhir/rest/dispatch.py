"""Carrying out a call: the interaction that its address and method mean, found in the table of what is served.

The table itself is put together by the simulator (`table.py`), since Bundles, which stand in it, dispatch through it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.errors import MethodNotAllowed, Unsupported
from sandbox.simulators.fhir.rest.address import kind_of
from sandbox.simulators.fhir.rest.calls import Answer, Call, Handler

# Served by routes of their own; a call that arrives here has the wrong method.
_OUTSIDE: Final[Mapping[tuple[str, ...], str]] = {("token",): "POST", (".well-known", "smart-configuration"): "GET"}


@dataclass(frozen=True, slots=True)
class Served:
    """One interaction that is served. `code` is R4's (system- or type-restful-interaction), None for
    what the CapabilityStatement has no code for; `scope` is the SMART permission it needs."""

    handler: Handler
    code: str | None
    scope: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: where it is served, for which types (None for all), and by which methods.

    `scope` is the SMART permission it needs.
    """

    name: str
    definition: str
    handler: Handler
    levels: frozenset[str]
    types: frozenset[str] | None = None
    methods: tuple[str, ...] = ("GET", "POST")
    scope: str = "read"


class Interactions(dict[str, Mapping[str, Served]]):
    """What is served: interactions by method, by the kind of address."""

    def served(self, path: tuple[str, ...], method: str) -> Served:
        """Return the interaction; raises `NotFound`, or `MethodNotAllowed` with the methods that work."""
        if path in _OUTSIDE:
            allowed = _OUTSIDE[path]
            if method == allowed:
                place = "/".join(path)
                raise Unsupported(f"{method} {place} is served at this very path, and by itself, not in a Bundle.")
            raise MethodNotAllowed(f"{method} is not served here; use {allowed}.", headers={"Allow": allowed})
        row = self[kind_of(path)]
        found = row.get("GET" if method == "HEAD" else method)
        if found is None:
            allowed = ", ".join(row)
            message = f"{method} is not served at /{'/'.join(path)}; use {allowed}."
            raise MethodNotAllowed(message, headers={"Allow": allowed})
        return found

    def dispatch(self, call: Call) -> Answer:
        """Carry out a call."""
        return self.served(call.path, call.method).handler(call)
