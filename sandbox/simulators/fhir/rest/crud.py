"""The RESTful interactions on one resource, a type or the system (R4, RESTful API).

Each takes a `Call` and returns an `Answer`; conditional forms are in `conditional.py`.
"""

from sandbox.errors import Invalid, Malformed, PreconditionFailed
from sandbox.jsonio import Json
from sandbox.r4.issues import Issue, refusal
from sandbox.r4.validation import validate
from sandbox.r4.validation.primitives import shown
from sandbox.simulators.fhir import state
from sandbox.simulators.fhir.rest import binary_writes, conditions, projection
from sandbox.simulators.fhir.rest.calls import Answer, Call, answer_of, check_entry_count, refuse_parameters
from sandbox.simulators.fhir.rest.lenience import refuse_or_tolerate
from sandbox.simulators.fhir.terms.instants import last_updated
from sandbox.simulators.fhir.terms.names import collection_of
from sandbox.simulators.fhir_api.negotiation import etag_of, tag_versions


def read(call: Call) -> Answer:
    """`GET [type]/[id]`."""
    resource_type, resource_id = call.path
    document = state.get(call.tx.branch, resource_type, resource_id)
    text = document.json
    instant = last_updated(text)
    if call.headers and conditions.is_not_modified(call.headers, document.version, instant):
        return Answer(304, b"", document.version, instant)
    answer = Answer(200, text, document.version, instant)
    return projection.project(call, answer, resource_type) if call.query else answer


def vread(call: Call) -> Answer:
    """`GET [type]/[id]/_history/[vid]`."""
    resource_type, resource_id, _, version = call.path
    stored = state.vread(call.tx.branch, resource_type, resource_id, version)
    answer = Answer(200, stored.json, stored.version, stored.last_updated)
    return projection.project(call, answer, resource_type) if call.query else answer


def checked_resource(call: Call, resource_type: str, what: str) -> Json:
    """Return the body as a valid resource of the type; raises with every problem found."""
    if call.resource is None and binary_writes.is_write(call.method, call.path):
        call.resource = binary_writes.resource_of(call.path, call.headers, call.media_type, call.body)
    resource = call.json(what)
    if not isinstance(resource, dict):
        raise Malformed(f"The body is not a resource: {what} needs a JSON object.", issue_type="structure")
    found = resource.get("resourceType")
    if found is not None and found != resource_type:
        message = f'The body is a "{found}", but the URL says {resource_type}.'
        raise Invalid(message, issue_type="invalid", expression=f"{resource_type}.resourceType")
    if not call.is_checked:
        issues = validate(resource)
        if issues and found is None:
            raise refusal(issues)
        check_stored_bundle(resource)
        refuse_or_tolerate(call, resource, issues)
        call.is_checked = True
    return resource


def check_stored_bundle(resource: Json) -> None:
    """Refuse a Bundle with more entries than the limit."""
    if resource.get("resourceType") == "Bundle":
        check_entry_count(resource)


def create(call: Call) -> Answer:
    """`POST [type]`, conditional with `If-None-Exist`, or with the condition as the URL's query.

    The latter is how `fhirpy` asks; to create all the same would be to leave the condition out.
    """
    [resource_type] = call.path
    state.check_type(resource_type)
    resource = checked_resource(call, resource_type, "a create")
    condition = conditions.of_create(call)
    if condition is not None:
        existing = conditions.match_of(call, resource_type, condition, "If-None-Exist")
        if existing is not None and call.assigned_id is not None:
            # References to this entry were resolved to the resource that it was to create.
            message = f"Another entry of the transaction makes {resource_type}/{existing}, which the condition matches."
            raise PreconditionFailed(message, issue_type="duplicate")
        if existing is not None:
            call.tolerated = ()  # nothing is stored
            stored = state.read(call.tx.branch, resource_type, existing)
            return answer_of(call, stored, 200)
    return answer_of(call, state.store(call.tx, resource, call.assigned_id or call.tx.new_id(), "POST"), 201)


def update(call: Call) -> Answer:
    """`PUT [type]/[id]`: update, or create under that id; version-aware with `If-Match`."""
    resource_type, resource_id = call.path
    state.check_type(resource_type)
    refuse_parameters(call, "An update")
    resource = checked_resource(call, resource_type, "an update")
    given = resource.get("id")
    if given != resource_id:
        found = "has no id" if given is None else f'has the id "{given}"'
        message = f'The resource {found}; an update needs the id of the URL, "{resource_id}".'
        raise Invalid(message, issue_type="invalid", expression=f"{resource_type}.id")
    return write_update(call, resource, resource_id)


def write_update(call: Call, resource: Json, resource_id: str, method: str = "PUT") -> Answer:
    """Store a valid resource under its id, after checking `If-Match` and `If-None-Match: *`."""
    resource_type = resource["resourceType"]
    check_preconditions(call, resource_type, resource_id)
    stored = state.store(call.tx, resource, resource_id, method)
    return answer_of(call, stored, 201 if stored.is_new else 200)


def check_preconditions(call: Call, resource_type: str, resource_id: str) -> None:
    """Raise `PreconditionFailed` unless `If-Match` names the current version and `If-None-Match` does not.

    Raises `Invalid` for a header that holds no entity tags.
    """
    wanted, unwanted = _tags(call, "If-Match"), _tags(call, "If-None-Match")
    if wanted is None and unwanted is None:
        return
    current = state.find_document(call.tx.branch, resource_type, resource_id)
    reference = f"{resource_type}/{resource_id}"
    if wanted is not None:
        if current is None:
            raise PreconditionFailed(f"If-Match was sent, but there is no {reference}.", issue_type="conflict")
        if None not in wanted and str(current.version) not in wanted:
            asked = shown(", ".join(map(str, wanted))).strip('"')
            message = f"If-Match asks for version {asked}, but {reference} is at {current.version}."
            raise PreconditionFailed(message, issue_type="conflict", headers={"ETag": etag_of(current.version)})
    if unwanted is not None and current is not None and (None in unwanted or str(current.version) in unwanted):
        sent = "*" if None in unwanted else etag_of(current.version)
        message = f"If-None-Match: {sent} was sent, but {reference} exists."
        raise PreconditionFailed(message, issue_type="duplicate", headers={"ETag": etag_of(current.version)})


def _tags(call: Call, name: str) -> list[str | None] | None:
    text = call.headers.get(name.lower())
    if text is None:
        return None
    found = tag_versions(text)
    if found is None:
        message = f'{name}: {shown(text)} is not an entity tag; write {name}: W/"3".'
        raise Invalid(message, issue_type="value", expression=f"http.{name}")
    return found


def delete(call: Call) -> Answer:
    """`DELETE [type]/[id]`: 204 also when there was nothing to delete."""
    resource_type, resource_id = call.path
    state.check_type(resource_type)
    refuse_parameters(call, "A deletion")
    if call.headers.get("if-match") is not None:
        check_preconditions(call, resource_type, resource_id)
    version = state.delete(call.tx, resource_type, resource_id)
    reference = f"{resource_type}/{resource_id}"
    if version is None:
        latest = call.tx.branch.version_of(collection_of(resource_type), resource_id)
        text = f"{reference} was already deleted." if latest else f"There was no {reference}; nothing to delete."
        return Answer(204, b"", latest or None, issues=(Issue("informational", text, severity="information"),))
    text = f"{reference} was deleted."
    return Answer(204, b"", version, issues=(Issue("informational", text, severity="information"),))
