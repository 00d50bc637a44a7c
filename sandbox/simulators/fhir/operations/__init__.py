"""Operations (`$name`): one table that dispatch and the CapabilityStatement both read.

A handler takes the call; `params.py` reads its parameters from the query or a Parameters resource.
"""

from typing import Final

from sandbox.errors import MethodNotAllowed, Unsupported
from sandbox.simulators.fhir import state
from sandbox.simulators.fhir.operations import document, everything, lastn, meta, validate
from sandbox.simulators.fhir.rest.calls import Answer, Call, Handler
from sandbox.simulators.fhir.rest.dispatch import Operation

_DEFINITION: Final = "http://hl7.org/fhir/OperationDefinition/"


def _operation(
    name: str,
    definition: str,
    handler: Handler,
    levels: str,
    types: str = "",
    methods: tuple[str, ...] = ("GET", "POST"),
    scope: str = "read",
) -> tuple[str, Operation]:
    allowed = frozenset(types.split()) or None
    return name, Operation(name, _DEFINITION + definition, handler, frozenset(levels.split()), allowed, methods, scope)


OPERATIONS: Final[dict[str, Operation]] = dict(
    (
        _operation("everything", "Patient-everything", everything.run, "type instance", "Patient Encounter"),
        _operation("validate", "Resource-validate", validate.run, "type instance", methods=("POST", "GET")),
        _operation("lastn", "Observation-lastn", lastn.run, "type", "Observation"),
        _operation("document", "Composition-document", document.run, "instance type", "Composition"),
        _operation("meta", "Resource-meta", meta.read, "system type instance"),
        _operation("meta-add", "Resource-meta-add", meta.add, "instance", methods=("POST",), scope="write"),
        _operation("meta-delete", "Resource-meta-delete", meta.delete, "instance", methods=("POST",), scope="write"),
    )
)


def operation_of(path: tuple[str, ...], method: str) -> Operation:
    """Return the operation a path names; raises `Unsupported` or `MethodNotAllowed`."""
    name = path[-1].removeprefix("$")
    level = {1: "system", 2: "type", 3: "instance"}[len(path)]
    found = OPERATIONS.get(name)
    if found is None:
        known = ", ".join(f"${n}" for n in OPERATIONS)
        raise Unsupported(f'The operation "${name}" is not supported; this server has {known}.')
    if level not in found.levels or (found.types is not None and level != "system" and path[0] not in found.types):
        types = f" of {', '.join(sorted(found.types))}" if found.types else ""
        places = " and ".join(sorted(found.levels))
        raise Unsupported(f'The operation "${name}" is served at {places} level{types}.')
    if method not in found.methods and method != "HEAD":
        allowed = ", ".join(found.methods)
        raise MethodNotAllowed(f'The operation "${name}" is called by {allowed}.', headers={"Allow": allowed})
    return found


def dispatch_operation(call: Call) -> Answer:
    """Carry out `$name` at system, type or instance level."""
    found = operation_of(call.path, call.method)
    if len(call.path) == 3 and found.name != "validate":
        state.get(call.tx.branch, call.path[0], call.path[1])
    return found.handler(call)
