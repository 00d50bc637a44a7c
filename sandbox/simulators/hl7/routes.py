"""HTTP for the HL7 surface: wire to call, result to wire.

`hl7/inbox` and `hl7/outbound` are upstream's; `hl7/messages` is upstream's direct form of both (GET
reads the inbox, POST sends). The rest is an extension. A message comes as JSON `{"payload": …}` or as
it is; then the ACK goes back as it is, in the media type of the request.
"""

from collections.abc import Iterable
from typing import Final

from sandbox.errors import Invalid, TooLarge, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.outbound import check_host
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import Route
from sandbox.simulators.growing import page
from sandbox.simulators.hl7 import deliveries, state
from sandbox.simulators.hl7.ack import Acknowledgment
from sandbox.simulators.hl7.state import JudgedBatch, Payload
from sandbox.simulators.hl7.validate import FAULTS_REPORTED
from sandbox.wire.charsets import check_utf_8, find_charset
from sandbox.wire.field_errors import unknown_field
from sandbox.wire.media_types import read_media_type

RAW_MEDIA_TYPES: Final = (
    "application/hl7-v2",
    "application/hl7-v2+er7",
    "x-application/hl7-v2+er7",
    "text/plain",
)


def get_inbox(tx: Interaction, request: Request) -> Response:
    """List the inbox, oldest first."""
    return page(request, state.list_rows(tx.branch, state.INBOX), lambda row: _with_delivery(tx, row["id"], row))


def get_inbox_message(tx: Interaction, request: Request) -> Response:
    """Read one inbox message with its acknowledgments."""
    key = request.params["id"]
    found = state.get_inbox_message(tx, key)
    delivery = deliveries.view(tx, key)
    return Response.of_json(found if delivery is None else {**found, "delivery": delivery})


def _with_delivery(tx: Interaction, key: str, row: Json) -> Json:
    found, delivery = state.inbox_view(tx, row), deliveries.view(tx, key)
    return found if delivery is None else {**found, "delivery": delivery}


def put_listener(tx: Interaction, request: Request) -> Response:
    """Name the agent's MLLP listener; the inbox is delivered there."""
    body = _json_body(request, {"host", "port"})
    host, port = _string(body, "host"), body.get("port")
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65_535:
        problem = "must be a whole number from 1 to 65535"
        raise Invalid(f"The field 'port' {problem}.", details={"port": [problem]})
    check_host(host, request.outbound_hosts, "The listener")
    return Response.of_json(deliveries.set_listener(tx, host, port))


def get_listener(tx: Interaction, request: Request) -> Response:
    """Read the listener, and how many messages stand how."""
    return Response.of_json(deliveries.get_listener(tx))


def delete_listener(tx: Interaction, request: Request) -> Response:
    """Deliver nothing any more."""
    deliveries.forget_listener(tx)
    return Response(204, b"", None)


def get_outbound(tx: Interaction, request: Request) -> Response:
    """List what the agent sent, oldest first, with the verdicts."""
    return page(request, state.list_rows(tx.branch, state.OUTBOUND), state.public)


def get_batches(tx: Interaction, request: Request) -> Response:
    """List the batches the agent sent, oldest first, as they came and as they were answered."""
    return page(request, state.list_rows(tx.branch, state.BATCHES), state.public)


def post_outbound(tx: Interaction, request: Request) -> Response:
    """Send a message or a batch; the answer is its acknowledgment."""
    if not _is_raw(request):
        return Response.of_json(_shown(_receive(tx, request, _json_message(request))))
    payload = _raw_payload(request)
    try:
        row = _receive(tx, request, payload)
    except TooLarge as error:
        ack = state.acknowledge(tx, None, Acknowledgment("AR", error.message))
        return _raw_response(request, ack, payload.charset, error.status)
    return _raw_response(request, row["ack"], payload.charset)


def _receive(tx: Interaction, request: Request, payload: Payload) -> Json:
    judged = state.judge(payload, is_strict=request.is_strict)
    return state.receive_batch(tx, judged) if isinstance(judged, JudgedBatch) else state.receive(tx, judged)


def _shown(row: Json) -> dict[str, Json]:
    """Return what the sender is told: of a batch, also each message's own, and whose an error is."""
    if "messages" not in row:
        return {name: row[name] for name in ("id", "accepted", "ack_code", "ack", "errors", "notes")}
    told = [{"id": part["id"], "control_id": part["control_id"], **_shown(part)} for part in row["messages"]]
    errors = [
        {**error, "message": f"Message {number} ({part['control_id']}): {error['message']}"}
        for number, part in enumerate(told, 1)
        for error in part["errors"]
    ]
    listed = errors[:FAULTS_REPORTED]
    more = (
        [f"Only the first {FAULTS_REPORTED} errors are listed; each message has its own."]
        if errors[len(listed) :]
        else []
    )
    answer = {name: row[name] for name in ("id", "accepted", "ack_code", "ack")}
    return {**answer, "errors": listed, "notes": [*row["notes"], *more], "messages": told}


def post_inbox_ack(tx: Interaction, request: Request) -> Response:
    """Acknowledge an inbox message, with a code or with an ACK message of one's own."""
    key = request.params["id"]
    if _is_raw(request):
        return Response.of_json(state.public(state.acknowledge_inbox_with(tx, key, _raw_payload(request))), 201)
    body = _json_body(request, {"ack_code", "text", "payload"})
    if "payload" in body:
        _refuse_unknown(body, {"payload"}, "next to payload")
        return Response.of_json(state.public(state.acknowledge_inbox_with(tx, key, _json_payload(body))), 201)
    row = state.acknowledge_inbox(tx, key, _string(body, "ack_code"), _string(body, "text", ""))
    return Response.of_json(state.public(row), 201)


ROUTES: Final = (
    Route("GET", "hl7/inbox", get_inbox, "hl7_inbox_read", "List the inbox"),
    Route("POST", "hl7/outbound", post_outbound, "hl7_outbound", "Send a message"),
    Route("GET", "hl7/messages", get_inbox, "hl7_inbox_read", "List the inbox (direct form)"),
    Route("POST", "hl7/messages", post_outbound, "hl7_outbound", "Send a message (direct form)"),
    Route("GET", "hl7/outbound", get_outbound, "hl7_inbox_read", "List what was sent", is_upstream=False),
    Route("GET", "hl7/batches", get_batches, "hl7_inbox_read", "List the batches that were sent", is_upstream=False),
    Route("GET", "hl7/inbox/{id}", get_inbox_message, "hl7_inbox_read", "Read an inbox message", is_upstream=False),
    Route("GET", "hl7/listener", get_listener, "hl7_inbox_read", "Read the agent's listener", is_upstream=False),
    Route("PUT", "hl7/listener", put_listener, "hl7_delivery", "Name the agent's listener", is_upstream=False),
    Route("DELETE", "hl7/listener", delete_listener, "hl7_delivery", "Deliver no more", is_upstream=False),
    Route("POST", "hl7/inbox/{id}/ack", post_inbox_ack, "hl7_ack", "Acknowledge an inbox message", is_upstream=False),
)


def _is_raw(request: Request) -> bool:
    media_type = request.media_type
    if media_type in RAW_MEDIA_TYPES:
        return True
    if media_type in ("", "application/json") or media_type.endswith("+json"):
        return False
    known = ", ".join(("application/json", *RAW_MEDIA_TYPES))
    raise UnsupportedMedia(f"Content-Type {media_type!r} is not read here; send one of {known}.")


def _raw_payload(request: Request) -> Payload:
    named = _charset(request)
    if named is not None and find_charset(named) is None:
        raise UnsupportedMedia(f"The character set {named[:40]!r} is not known here.")
    return Payload.of_bytes(request.body, named)


def _charset(request: Request) -> str | None:
    return read_media_type(request.headers.get("content-type", "")).parameters.get("charset") or None


def _raw_response(request: Request, ack: str, charset: str, status: int = 200) -> Response:
    named = f"; charset={charset}" if _charset(request) else ""
    return Response(status, ack.encode(charset, "replace"), request.media_type + named)


def _json_body(request: Request, known: Iterable[str]) -> dict[str, Json]:
    check_utf_8(request.headers.get("content-type", ""), "JSON")
    body = request.json()
    if not isinstance(body, dict):
        raise Invalid('The body must be a JSON object such as {"payload": "MSH|…"}.')
    _refuse_unknown(body, known, "in this body")
    return body


def _refuse_unknown(body: dict[str, Json], known: Iterable[str], where: str) -> None:
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise Invalid(
            f"Unknown field {unknown[0]!r} {where}; known: {', '.join(sorted(known))}.",
            details={name: [unknown_field(name, known)] for name in unknown},
        )


def _json_message(request: Request) -> Payload:
    return _json_payload(_json_body(request, {"payload"}))


def _json_payload(body: dict[str, Json]) -> Payload:
    return Payload(_string(body, "payload"))


def _string(body: dict[str, Json], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if isinstance(value, str):
        return value
    problem = "is required" if name not in body else f"must be a string, not {type(value).__name__}"
    raise Invalid(f"The field {name!r} {problem}.", details={name: [problem]})
