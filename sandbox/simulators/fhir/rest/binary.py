"""Binary as the content it holds (R4, Binary, "Serving Binary Resources using the RESTful API").

A read that does not ask for FHIR gets the content itself; what a write makes is in `binary_writes.py`.
"""

from sandbox import jsonio
from sandbox.errors import NotAcceptable
from sandbox.jsonio import Json
from sandbox.simulators.fhir.rest.calls import Answer, Call, Query
from sandbox.simulators.fhir_api.negotiation import JSON_TYPES
from sandbox.wire.base64_text import read_base64
from sandbox.wire.media_types import acceptance, normal_media_type, read_accept, read_media_type
from sandbox.wire.served_content import content_headers


def wants_content(call: Call) -> bool:
    """Whether a call reads a Binary's content."""
    return reads_content(call.method, call.path, call.query, call.headers.get("accept", ""))


def reads_content(method: str, path: tuple[str, ...], query: Query, accept: str) -> bool:
    """Whether a request reads a Binary's content: it is a Binary, and neither Accept nor `_format` names FHIR.

    >>> reads_content("GET", ("Binary", "1"), (), "*/*"), reads_content("POST", ("Binary",), (), "*/*")
    (True, False)
    """
    is_read = method in ("GET", "HEAD") and path[:1] == ("Binary",)
    if not is_read or not (len(path) == 2 or (len(path) == 4 and path[2] == "_history")):
        return False
    if path[1].startswith(("_", "$")) or any(name == "_format" for name, _ in query):
        return False
    return JSON_TYPES.isdisjoint(member.media_type.name for member in read_accept(accept))


def served_type(value: Json) -> str:
    r"""Return the type that a Binary's content is served with; what is no media type is not put into a header.

    >>> served_type({"contentType": "Text/Plain;charset=utf-8"}), served_type({"contentType": "a/b\rX: y"})
    ('Text/Plain;charset=utf-8', 'application/octet-stream')
    """
    media = str(value.get("contentType"))
    return media if normal_media_type(media) is not None else "application/octet-stream"


def content(call: Call, answer: Answer) -> Answer:
    """Turn a read Binary into its content; raises `NotAcceptable` when the caller takes another type."""
    value = jsonio.parse(answer.body)
    media, data = value.get("contentType"), value.get("data", "")
    if not isinstance(media, str) or not isinstance(data, str):
        raise _no_content()
    media = served_type(value)
    accepted = read_accept(call.headers.get("accept", ""))
    match = acceptance(accepted, [read_media_type(media).name])
    if accepted and (match is None or not match[0]):
        raise NotAcceptable(f"The Binary is {media}; ask for that, or for application/fhir+json.")
    body = read_base64(data)
    if body is None:
        raise _no_content()
    headers = content_headers(media)
    security = value.get("securityContext")
    context = security.get("reference") if isinstance(security, dict) else None
    if isinstance(context, str) and context and context.isprintable():
        headers["X-Security-Context"] = context
    return Answer(answer.status, body, answer.version, answer.last_updated, None, (), media, headers)


def _no_content() -> NotAcceptable:
    """Return what is said of a Binary that a lenient server stored and that holds no content."""
    return NotAcceptable("The Binary holds no content in base64 with a type; ask for application/fhir+json.")
