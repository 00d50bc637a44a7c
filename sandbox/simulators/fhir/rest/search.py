"""Searches as interactions: by GET, by POST with a form, at type, system and compartment level."""

from typing import Final

from sandbox.errors import UnsupportedMedia
from sandbox.simulators.fhir.rest.calls import Answer, Call, Query
from sandbox.simulators.fhir.search import SearchRequest, search
from sandbox.simulators.fhir.state import check_type
from sandbox.simulators.fhir.terms.parameters import FORM_ONLY, without_form
from sandbox.wire.charsets import check_utf_8
from sandbox.wire.forms import FORM, parse_form

# How `fhirpy` asks for a count, after the server it was first written for.
_ALSO_WRITTEN = {("_totalMethod", "count"): ("_total", "accurate")}
# Parameters that do not go to the search as they are.
READ_BY_THE_SURFACE: Final = FORM_ONLY | {name for name, _ in _ALSO_WRITTEN}


def parameters_of(call: Call) -> Query:
    """Return the search parameters of a call: the URL's, then the form's; raises `Malformed`, `UnsupportedMedia`."""
    query = call.query
    if call.method == "POST":
        if call.media_type not in (FORM, "") or (call.media_type == "" and call.body):
            raise UnsupportedMedia(f'A search by POST takes a form ({FORM}), not "{call.media_type}".')
        check_utf_8(call.headers.get("content-type", ""), "A form")
        query = query + parse_form(call.body)
    return tuple(_ALSO_WRITTEN.get(pair, pair) for pair in without_form(query))


def _search(call: Call, resource_type: str | None, compartment: tuple[str, str] | None) -> Answer:
    request = SearchRequest(resource_type, parameters_of(call), call.base, call.preferences.is_lenient, compartment)
    return Answer(200, search(call.tx, request))


def search_type(call: Call) -> Answer:
    """`GET [type]?…` or `POST [type]/_search`."""
    resource_type = call.path[0]
    check_type(resource_type)
    return _search(call, resource_type, None)


def search_system(call: Call) -> Answer:
    """`GET ?_type=…` or `POST _search`."""
    return _search(call, None, None)


def search_compartment(call: Call) -> Answer:
    """`GET [compartment]/[id]/[type]?…`, or `*` for all types."""
    owner, owner_id, resource_type = call.path[:3]
    check_type(owner)
    if resource_type != "*":
        check_type(resource_type)
    return _search(call, None if resource_type == "*" else resource_type, (owner, owner_id))
