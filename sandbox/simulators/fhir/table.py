"""The one table of what is served: for the wire, for Bundles, for SMART scopes and for the CapabilityStatement."""

from typing import Final

from sandbox.simulators.fhir.bundles import batch
from sandbox.simulators.fhir.operations import OPERATIONS, dispatch_operation
from sandbox.simulators.fhir.rest import conditional, crud, history, search
from sandbox.simulators.fhir.rest.capability import Capability
from sandbox.simulators.fhir.rest.dispatch import Interactions, Served

_RUN: Final = Served(dispatch_operation, None, "read")
_OPERATION: Final = {"GET": _RUN, "POST": _RUN}

INTERACTIONS: Final = Interactions(
    {
        "system": {
            "GET": Served(search.search_system, "search-system", "read"),
            "POST": Served(batch.process, "transaction", "write"),
        },
        "system-history": {"GET": Served(history.of_system, "history-system", "read")},
        "system-search": {"POST": Served(search.search_system, None, "read")},
        "system-operation": _OPERATION,
        "type": {
            "GET": Served(search.search_type, "search-type", "read"),
            "POST": Served(crud.create, "create", "write"),
            "PUT": Served(conditional.conditional_update, None, "write"),
            "PATCH": Served(conditional.patch, None, "write"),
            "DELETE": Served(conditional.conditional_delete, None, "write"),
        },
        "type-search": {
            "GET": Served(search.search_type, None, "read"),
            "POST": Served(search.search_type, None, "read"),
        },
        "type-history": {"GET": Served(history.of_type, "history-type", "read")},
        "type-operation": _OPERATION,
        "instance": {
            "GET": Served(crud.read, "read", "read"),
            "PUT": Served(crud.update, "update", "write"),
            "PATCH": Served(conditional.patch, "patch", "write"),
            "DELETE": Served(crud.delete, "delete", "write"),
        },
        "instance-history": {"GET": Served(history.of_instance, "history-instance", "read")},
        "version": {"GET": Served(crud.vread, "vread", "read")},
        "instance-operation": _OPERATION,
        "compartment": {"GET": Served(search.search_compartment, None, "read")},
        "compartment-search": {"POST": Served(search.search_compartment, None, "read")},
    }
)
CAPABILITY: Final = Capability(INTERACTIONS, OPERATIONS.values())
INTERACTIONS["metadata"] = {"GET": Served(CAPABILITY.metadata, None, "none")}
