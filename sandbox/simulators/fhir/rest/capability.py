"""The CapabilityStatement, generated from the tables that serve requests (R4, CapabilityStatement).

Interactions and operations are handed in (`table.py`); search
parameters from the search's own list, resource types from the structures that validate them.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Final

from sandbox import __version__, jsonio
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.r4.model import resource_types
from sandbox.r4.names import FHIR_VERSION, MEDIA_TYPE
from sandbox.simulators.fhir.patch import formats
from sandbox.simulators.fhir.rest.calls import Answer, Call
from sandbox.simulators.fhir.rest.dispatch import Interactions, Operation
from sandbox.simulators.fhir.rest.projection import project
from sandbox.simulators.fhir.search import search_parameters
from sandbox.simulators.fhir.search.terms import definitions
from sandbox.simulators.fhir_api.capability import DATE, security
from sandbox.subscriptions import rules as subscriptions

_MODES: Final = ("full", "normative", "terminology")
_TYPE_KINDS: Final = ("instance", "version", "instance-history", "type", "type-history")
_SYSTEM_KINDS: Final = ("system", "system-history")


class Capability:
    """The statement of what these tables serve."""

    def __init__(self, interactions: Interactions, operations: Iterable[Operation]) -> None:
        self.interactions = interactions
        self.operations = tuple(operations)

    def metadata(self, call: Call) -> Answer:
        """`GET metadata`: the full statement; other modes are refused."""
        for name, value in call.query:
            if name == "mode" and value != "full":
                known = ", ".join(_MODES)
                message = f'The mode "{value}" is not supported (R4 knows {known}); use mode=full.'
                raise Invalid(message, issue_type="not-supported", expression="http.mode")
        answer = Answer(200, _statement(self._rest, call.base))
        return project(call, answer, "CapabilityStatement", also=("mode",)) if call.query else answer

    def prepare(self) -> None:
        """Put the part together that does not depend on the base; later calls use it."""
        _ = self._rest

    @cached_property
    def _rest(self) -> Json:
        table = {kind: self.interactions[kind] for kind in (*_TYPE_KINDS, *_SYSTEM_KINDS)}

        def codes(kinds: tuple[str, ...]) -> list[Json]:
            return [{"code": s.code} for kind in kinds for s in table[kind].values() if s.code is not None]

        system = codes(_SYSTEM_KINDS)
        system.append({"code": "batch"})
        type_codes = codes(_TYPE_KINDS)
        resources = []
        for name in sorted(resource_types()):
            row: Json = {
                "type": name,
                "profile": f"http://hl7.org/fhir/StructureDefinition/{name}",
                "interaction": type_codes,
                "versioning": "versioned-update",
                "readHistory": True,
                "updateCreate": True,
                "conditionalCreate": True,
                "conditionalRead": "full-support",
                "conditionalUpdate": "PUT" in table["type"],
                "conditionalDelete": "multiple" if "DELETE" in table["type"] else "not-supported",
                "referencePolicy": ["literal", "logical", "local"],
                "searchInclude": ["*", *_includes(name)],
                "searchParam": [
                    {"name": p.name, "definition": p.definition, "type": p.type, "documentation": p.documentation}
                    for p in search_parameters(name)
                ],
            }
            operations = [
                {"name": o.name, "definition": o.definition}
                for o in self.operations
                if (o.types is None or name in o.types) and ("type" in o.levels or "instance" in o.levels)
            ]
            if operations:
                row["operation"] = operations
            if name == "Subscription":
                row["documentation"] = subscriptions.STATEMENT
            resources.append(row)
        system_operations = [
            {"name": o.name, "definition": o.definition} for o in self.operations if "system" in o.levels
        ]
        compartments = [
            f"http://hl7.org/fhir/CompartmentDefinition/{n.lower()}" for n in sorted(definitions.compartments())
        ]
        return {
            "mode": "server",
            "resource": resources,
            "interaction": system,
            "operation": system_operations,
            "compartment": compartments,
        }


def _includes(resource_type: str) -> list[str]:
    rows = definitions.parameters_of(resource_type).values()
    return [f"{resource_type}:{p.code}" for p in rows if p.type == "reference"]


def _statement(served: Json, base: str) -> bytes:
    rest = {**served, "security": security(base)}
    return jsonio.dump(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": DATE,
            "kind": "instance",
            "software": {"name": "playground-sandbox", "version": __version__},
            "implementation": {"description": "A simulated EHR", "url": base},
            "fhirVersion": FHIR_VERSION,
            "format": [MEDIA_TYPE, "application/json", "json"],
            "patchFormat": [*sorted(formats.MEDIA_TYPES), MEDIA_TYPE],
            "rest": [rest],
        }
    )
