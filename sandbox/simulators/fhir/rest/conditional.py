"""Patch, and conditional update and delete (R4, RESTful API).

The condition is the URL's query; what follows is the plain interaction.
"""

from collections.abc import Set

from sandbox import jsonio
from sandbox.errors import Conflict, Invalid, Malformed, NotFound, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.playground.branch import Document
from sandbox.r4.issues import Issue
from sandbox.r4.validation import Link, validate, walk
from sandbox.simulators.fhir import state
from sandbox.simulators.fhir.fhirpath import context_of
from sandbox.simulators.fhir.patch import formats, json_patch
from sandbox.simulators.fhir.patch.empty_elements import remove_empty
from sandbox.simulators.fhir.patch.paths import WORK_LIMIT
from sandbox.simulators.fhir.rest import conditions
from sandbox.simulators.fhir.rest.calls import Answer, Call, refuse_parameters
from sandbox.simulators.fhir.rest.crud import check_preconditions, checked_resource, write_update
from sandbox.simulators.fhir.rest.lenience import refuse_or_tolerate
from sandbox.simulators.fhir_api.negotiation import JSON_TYPES


def target_of_update(call: Call) -> str:
    """Return the id that a conditional update writes: the match's, the resource's own, or a new one.

    Raises `PreconditionFailed` (several match), `Invalid` (the match has another id than the
    resource), `Conflict` (nothing matches, but the resource's id is taken).
    """
    if call.assigned_id is not None:
        return call.assigned_id
    [resource_type] = call.path
    resource = checked_resource(call, resource_type, "a conditional update")
    match = conditions.match_of(call, resource_type, call.query, "A conditional update")
    given = resource.get("id")
    if match is not None:
        if given is not None and given != match:
            message = f'The condition matches {resource_type}/{match}, but the resource has the id "{given}".'
            raise Invalid(message, issue_type="invalid", expression=f"{resource_type}.id")
        return match
    if given is None:
        return call.tx.new_id()
    if state.find_document(call.tx.branch, resource_type, given) is not None:
        message = f"Nothing matches the condition, but {resource_type}/{given} exists already."
        raise Conflict(message, issue_type="duplicate")
    return str(given)


def conditional_update(call: Call) -> Answer:
    """`PUT [type]?…`."""
    state.check_type(call.path[0])
    resource = checked_resource(call, call.path[0], "a conditional update")
    return write_update(call, resource, target_of_update(call))


def conditional_delete(call: Call) -> Answer:
    """`DELETE [type]?…`: every match is deleted."""
    [resource_type] = call.path
    state.check_type(resource_type)
    found = call.deleted_ids
    if found is None:
        found = tuple(conditions.matches_of(call, resource_type, call.query, "A conditional delete"))
    if call.headers.get("if-match") is not None:
        for resource_id in found:
            check_preconditions(call, resource_type, resource_id)
    for resource_id in found:
        state.delete(call.tx, resource_type, resource_id)
    text = f"{len(found)} {resource_type} deleted: {', '.join(found)}." if found else f"No {resource_type} matches."
    return Answer(204, issues=(Issue("informational", text, severity="information"),))


def patch(call: Call) -> Answer:
    """`PATCH [type]/[id]`, or `PATCH [type]?…` on the one match."""
    return _store_patched(call, target_of_patch(call))


def target_of_patch(call: Call) -> str:
    """Return the id of what a patch changes.

    Raises `NotFound` when nothing matches the condition, `PreconditionFailed` when several do.
    """
    state.check_type(call.path[0])
    if len(call.path) == 2:
        refuse_parameters(call, "A patch")
        return call.path[1]
    if call.assigned_id is not None:
        return call.assigned_id
    [resource_type] = call.path
    match = conditions.match_of(call, resource_type, call.query, "A conditional patch")
    if match is None:
        raise NotFound(f"No {resource_type} matches the condition; there is nothing to patch.")
    return match


def work_out_patch(call: Call, identities: Set[str], *, allows_conditional: bool) -> list[Link]:
    """Find out, in a Bundle, what a patch will store (`call.patched`); return where that may point to a resource.

    A patch brings links as any value, so they are only known in its result. What stood in the resource before is none
    of the Bundle's, but for urns, which mean nothing outside of one. `identities` are the Bundle's fullUrls.
    """
    document, patched = _apply(call, target_of_patch(call))
    issues, links = walk(patched, allows_conditional=allows_conditional, identities=identities)
    refuse_or_tolerate(call, patched, issues)
    call.patched = patched
    known = {link.text for link in walk(document.value)[1]}
    return [link for link in links if link.text not in known or link.text.startswith("urn:")]


def _store_patched(call: Call, resource_id: str) -> Answer:
    patched = call.patched
    if patched is None:
        patched = _apply(call, resource_id)[1]
        refuse_or_tolerate(call, patched, validate(patched))
    return write_update(call, patched, resource_id, "PATCH")


def _apply(call: Call, resource_id: str) -> tuple[Document, Json]:
    """Return what is stored and what the patch makes of it, which is still to be validated."""
    resource_type = call.path[0]
    document = state.get(call.tx.branch, resource_type, resource_id)
    check_preconditions(call, resource_type, resource_id)
    kind, body = _patch_of(call)
    context = context_of(call.tx.branch, call.tx.now, call.base, limit=WORK_LIMIT)
    # Parsed anew, since a patch can nest deeper than a body may be.
    patched = jsonio.parse(
        json_patch.bounded(formats.apply(kind, body, document.value, context, is_checked=call.is_checked))
    )
    if not isinstance(patched, dict) or patched.get("resourceType") != resource_type:
        raise Invalid("A patch must leave the resourceType as it is.", issue_type="invalid")
    if patched.get("id") != resource_id:
        message = "A patch must leave the id as it is."
        raise Invalid(message, issue_type="invalid", expression=f"{resource_type}.id")
    remove_empty(patched)
    return document, patched


def _patch_of(call: Call) -> tuple[str, Json]:
    """Return a patch and its media type; raises `UnsupportedMedia`, `Malformed`, `TooLarge`."""
    if call.resource is not None:
        return formats.held_patch(call.resource)
    kind = call.media_type
    if kind and kind not in JSON_TYPES and kind not in formats.MEDIA_TYPES:
        raise UnsupportedMedia(
            f'A patch of type "{kind}" is not read; send {formats.JSON_PATCH}, {formats.MERGE_PATCH} or a '
            "FHIRPath Patch (a Parameters resource as application/fhir+json)."
        )
    if not call.body.strip():
        raise Malformed("The body is empty; a patch needs one.", issue_type="required")
    return kind, jsonio.parse(call.body)
