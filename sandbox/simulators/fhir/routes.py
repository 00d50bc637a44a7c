"""The wire: HTTP requests to calls, answers to HTTP responses (R4, RESTful API)."""

from sandbox import jsonio
from sandbox.errors import Malformed
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.r4.model import resource_types
from sandbox.r4.names import MEDIA_TYPE
from sandbox.simulators.fhir import proxy, subscriptions
from sandbox.simulators.fhir.rest import binary
from sandbox.simulators.fhir.rest.calls import Answer, Call
from sandbox.simulators.fhir.rest.lenience import remarks, warning_header
from sandbox.simulators.fhir.rest.search import READ_BY_THE_SURFACE
from sandbox.simulators.fhir.search import SearchRequest, search
from sandbox.simulators.fhir.smart.tokens import check_criteria
from sandbox.simulators.fhir.table import INTERACTIONS
from sandbox.simulators.fhir.terms.instants import http_date, last_updated
from sandbox.simulators.fhir.terms.names import SURFACE
from sandbox.simulators.fhir_api.negotiation import etag_of, is_true, is_utf8, preferences, response_type
from sandbox.simulators.fhir_api.outcome import outcome

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def call_of(tx: Interaction, request: Request) -> Call:
    """Return the call that a request makes; raises `Malformed` for parameters that are not UTF-8."""
    if "%" in request.raw_query and not is_utf8(request.raw_query):
        raise Malformed("The parameters of the URL are not UTF-8.", issue_type="value")
    path = tuple(part for part in request.path.split("/")[1:] if part)
    return Call(
        tx,
        request.method,
        path,
        request.query,
        request.headers,
        f"{request.base_url}/{SURFACE}",
        request.body,
        request.media_type,
        interactions=INTERACTIONS,
        outbound_hosts=request.outbound_hosts,
    )


def plain_read(tx: Interaction, request: Request) -> Response | None:
    """Answer a read without parameters or conditions; None for everything else, errors included.

    The same answer as `handle` gives by the long way, at a third of its cost: reads are most of
    what a client does.
    """
    parts = request.path.split("/")
    if len(parts) != 3 or parts[1][:1] == "_" or parts[1] == "Binary":
        return None
    document = tx.branch.get_document("fhir/" + parts[1], parts[2])
    headers = request.headers
    if document is None or "if-none-match" in headers or "if-modified-since" in headers:
        return None
    media = response_type(headers.get("accept", ""), None)
    text = document.json
    found = document.derived
    if found is None:
        found = document.derived = {"ETag": etag_of(document.version), "Last-Modified": http_date(last_updated(text))}
    return Response(200, text, media, found)


def plain_search(tx: Interaction, request: Request) -> Response | None:
    """Answer a search of one type by GET; None for everything else.

    The same answer as `handle` gives by the long way, at less cost.
    """
    parts = request.path.split("/")
    if len(parts) != 2 or parts[1] not in resource_types():
        return None
    if "%" in request.raw_query and not is_utf8(request.raw_query):
        return None
    for name, _ in request.query:
        if name in READ_BY_THE_SURFACE:
            return None
    headers = request.headers
    media = response_type(headers.get("accept", ""), None)
    is_lenient = preferences(headers["prefer"]).is_lenient if "prefer" in headers else False
    asked = SearchRequest(parts[1], request.query, f"{request.base_url}/{SURFACE}", is_lenient)
    return Response(200, search(tx, asked), media, {})


def handle(tx: Interaction, request: Request) -> Response:
    """Serve one request to the FHIR surface, and note whom to notify of what it changed."""
    if request.method not in _WRITES:
        return _served(tx, request)
    before = tx.savepoint()
    response = _served(tx, request)
    if subscriptions.are_asked(tx):
        base = f"{request.base_url}/{SURFACE}"
        changed = subscriptions.changed_since(tx, before)
        check_criteria(tx, request, subscriptions.asked_by(tx, changed, base))
        subscriptions.note_changes(tx, changed, base)
    return response


def _served(tx: Interaction, request: Request) -> Response:
    if request.forwarded is not None:
        return proxy.respond(tx, request)
    if request.method == "GET":
        response = plain_search(tx, request) if request.query else plain_read(tx, request)
        if response is not None:
            return response
    call = call_of(tx, request)
    if call.path[:1] == ("Binary",) and binary.wants_content(call):
        answer = INTERACTIONS.dispatch(call)
        return response_of(call, binary.content(call, answer) if answer.status == 200 else answer, MEDIA_TYPE)
    wanted = request.first("_format") if request.query else None
    media = response_type(request.headers.get("accept", ""), wanted)
    return response_of(call, INTERACTIONS.dispatch(call), media)


def response_of(call: Call, answer: Answer, media: str) -> Response:
    """Turn an answer into a response, as `Prefer` and `_pretty` ask."""
    headers = dict(answer.headers)
    if answer.version is not None:
        headers["ETag"] = etag_of(answer.version)
    if answer.last_updated is not None:
        headers["Last-Modified"] = answer.last_modified or ""
    status, body, said = answer.status, answer.body, None
    if call.tolerated and status < 300:
        headers["Warning"] = warning_header(call.tolerated)
        said = jsonio.dump(outcome(remarks(call, answer)))
    if answer.location is not None:
        headers["Location"] = answer.location
    if call.method in _WRITES and status < 300 and (answer.location is not None or call.method == "DELETE"):
        status, body = _preferred(call, answer)
    if body and call.query and is_true(call.query, "_pretty"):
        body = jsonio.dump_pretty(jsonio.parse(body))
    return Response(status, body, (answer.content_type or media) if body else None, headers, outcome=said)


def _preferred(call: Call, answer: Answer) -> tuple[int, bytes]:
    wanted = call.preferences.returns
    if wanted == "minimal":
        return answer.status, b""
    if wanted == "OperationOutcome":
        status = 200 if answer.status == 204 else answer.status
        return status, jsonio.dump(outcome(remarks(call, answer)))
    return answer.status, answer.body
