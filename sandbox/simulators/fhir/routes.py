"""The wire: HTTP requests to calls, answers to HTTP responses (R4, RESTful API)."""

from sandbox import jsonio
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.fhir import projection
from sandbox.simulators.fhir.calls import Answer, Call
from sandbox.simulators.fhir.dispatch import dispatch
from sandbox.simulators.fhir.names import SURFACE
from sandbox.simulators.fhir.negotiation import is_true, response_type
from sandbox.simulators.fhir.outcome import outcome

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def call_of(tx: Interaction, request: Request) -> Call:
    """Return the call that a request makes."""
    path = tuple(part for part in request.path.split("/")[1:] if part)
    return Call(
        tx,
        request.method,
        path,
        request.query,
        request.headers,
        f"{request.base_url}/{SURFACE}",
        request.body,
        request.media_type if request.body else request.headers.get("content-type", "").partition(";")[0],
    )


def handle(tx: Interaction, request: Request) -> Response:
    """Serve one request to the FHIR surface."""
    headers, query = request.headers, request.query
    media = response_type(headers.get("accept", ""), _format_of(request) if query else None)
    call = call_of(tx, request)
    answer = dispatch(call)
    if answer.status == 200 and query:
        answer = projection.project(call, answer)
    return response_of(call, answer, media)


def _format_of(request: Request) -> str | None:
    return request.first("_format")


def response_of(call: Call, answer: Answer, media: str) -> Response:
    """Turn an answer into a response, as `Prefer` and `_pretty` ask."""
    headers = dict(answer.headers)
    if answer.version is not None:
        headers["ETag"] = f'W/"{answer.version}"'
    if answer.last_updated is not None:
        headers["Last-Modified"] = answer.last_modified or ""
    status, body = answer.status, answer.body
    if answer.location is not None:
        headers["Location"] = answer.location
    if call.method in _WRITES and status < 300 and (answer.location is not None or call.method == "DELETE"):
        status, body = _preferred(call, answer)
    if body and call.query and is_true(call.query, "_pretty"):
        body = jsonio.dump_pretty(jsonio.parse(body))
    return Response(status, body, (answer.content_type or media) if body else None, headers)


def _preferred(call: Call, answer: Answer) -> tuple[int, bytes]:
    wanted = call.preferences.returns
    if wanted == "minimal":
        return answer.status, b""
    if wanted == "OperationOutcome":
        status = 200 if answer.status == 204 else answer.status
        return status, jsonio.dump(outcome(answer.issues))
    return answer.status, answer.body
