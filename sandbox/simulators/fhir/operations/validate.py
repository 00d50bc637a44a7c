"""`$validate`: would this create, update or delete be accepted? (R4, Resource-validate)

The answer is always 200 with an OperationOutcome; an error is only raised when the question itself
cannot be read.
"""

from sandbox.errors import Invalid, Malformed, SandboxError
from sandbox.jsonio import Json
from sandbox.r4.issues import Issue
from sandbox.r4.validation import validate
from sandbox.simulators.fhir import state
from sandbox.simulators.fhir.operations.params import Inputs, inputs_of
from sandbox.simulators.fhir.rest.calls import Answer, Call, answer_json
from sandbox.simulators.fhir.rest.crud import check_stored_bundle
from sandbox.simulators.fhir.rest.lenience import unserved
from sandbox.simulators.fhir.terms.names import collection_of
from sandbox.simulators.fhir_api.outcome import issues_of, outcome

MODES = ("create", "update", "delete", "profile")
_BASE = "http://hl7.org/fhir/StructureDefinition/"


def run(call: Call) -> Answer:
    """Validate the given resource, or the stored one at instance level."""
    resource, inputs = _read(call)
    mode = inputs.one("mode")
    if mode is not None and mode not in MODES:
        raise Invalid(
            f'The mode "{mode}" is not one of {", ".join(MODES)}.', issue_type="value", expression="http.mode"
        )
    issues: list[Issue] = []
    if mode == "delete":
        return _for_delete(call)
    profiles = inputs.values.get("profile", ())
    if mode == "profile" and not profiles:
        raise Invalid("mode=profile needs the profile.", issue_type="required", expression="http.profile")
    if resource is None:
        if len(call.path) != 3:
            raise Invalid("$validate needs a resource.", issue_type="required")
        resource = state.get(call.tx.branch, call.path[0], call.path[1]).value
    issues += _expected(call, resource, mode)
    issues += validate(resource)
    if not issues:
        issues += _unstorable(call, resource)
    for profile in profiles:
        issues += _profile(str(profile), resource)
    return answer_json(outcome(issues))


def _read(call: Call) -> tuple[Json, Inputs]:
    """Return the resource to validate (a bare one is accepted too) and the other inputs."""
    known = frozenset({"resource", "mode", "profile"})
    if call.method == "POST" and (call.resource is not None or call.body.strip()):
        body = call.json("$validate")
        if not isinstance(body, dict):
            raise Malformed("The body is not a resource.", issue_type="structure")
        is_wrapper = body.get("resourceType") == "Parameters" and call.path[0] != "Parameters"
        if is_wrapper:
            # The wrapped resource may be wrong: that is the question, not an error of the call.
            inputs = Inputs()
            for name, value in call.query:
                inputs.values.setdefault(name, []).append(value)
            rows = body.get("parameter", [])
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise Invalid("The body is not a valid Parameters resource.", issue_type="structure")
            for row in rows:
                name = str(row.get("name"))
                if "resource" in row:
                    inputs.resources[name] = row["resource"]
                else:
                    values = [item for key, item in row.items() if key.startswith("value")]
                    inputs.values.setdefault(name, []).extend(values)
            inputs.refuse_unknown(known, "$validate")
            return inputs.resources.get("resource"), inputs
        query_only = Call(call.tx, "GET", call.path, call.query)
        inputs = inputs_of(query_only)
        inputs.refuse_unknown(known, "$validate")
        return body, inputs
    inputs = inputs_of(call)
    inputs.refuse_unknown(known, "$validate")
    return None, inputs


def _expected(call: Call, resource: Json, mode: Json) -> list[Issue]:
    resource_type = call.path[0]
    found = resource.get("resourceType") if isinstance(resource, dict) else None
    if found is not None and found != resource_type:
        text = f'The resource is a "{found}", but the URL says {resource_type}.'
        return [Issue("invalid", text, f"{resource_type}.resourceType")]
    given = resource.get("id") if isinstance(resource, dict) else None
    if mode == "update" and len(call.path) == 3 and given != call.path[1]:
        text = f'An update of {resource_type}/{call.path[1]} needs the id "{call.path[1]}" in the resource.'
        return [Issue("invalid", text, f"{resource_type}.id")]
    if mode == "update" and given is None:
        return [Issue("required", "An update needs the id in the resource.", f"{resource_type}.id")]
    return []


def _unstorable(call: Call, resource: Json) -> list[Issue]:
    """Return what a create would say of a valid resource that this server does not keep."""
    try:
        check_stored_bundle(resource)
    except SandboxError as error:
        return list(issues_of(error))
    refused = unserved(call, resource)
    return [] if refused is None else list(issues_of(refused))


def _for_delete(call: Call) -> Answer:
    if len(call.path) != 3:
        raise Invalid("mode=delete is for an instance: POST [type]/[id]/$validate.", issue_type="invalid")
    resource_type, resource_id = call.path[:2]
    if call.tx.branch.get_document(collection_of(resource_type), resource_id) is None:
        return answer_json(outcome([Issue("not-found", f"There is no {resource_type}/{resource_id}.")]))
    return answer_json(outcome(()))


def _profile(profile: str, resource: Json) -> list[Issue]:
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    if profile.partition("|")[0] in (f"{_BASE}{name}", f"{_BASE}DomainResource", f"{_BASE}Resource"):
        return []
    text = f'The profile "{profile}" is not known here; only the base definitions of R4 are checked.'
    return [Issue("not-supported", text, severity="error")]
