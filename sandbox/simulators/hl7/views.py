"""How HL7 v2 is shown: messages by segment and field, also those that stand within JSON."""

from collections.abc import Iterator
from typing import Final

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.simulators.hl7 import message, state
from sandbox.simulators.hl7.ack import ACCEPTED_CODES
from sandbox.simulators.showing import Body, Gist, JsonBody, Segment, SegmentsBody, TextBody, Views, show_plain

_HEADERS: Final = ("MSH", "FHS", "BHS")
_MESSAGES_SHOWN: Final = 20
_LISTS: Final = {
    state.INBOX: "Inbox",
    state.OUTBOUND: "Sent",
    state.ACKS: "Acknowledgments",
    state.BATCHES: "Batches",
}


def show_body(media_type: str, body: bytes) -> tuple[Body, ...]:
    r"""Return a message by segment; of JSON, the JSON and then the messages that stand in it.

    >>> [part] = show_body("application/hl7-v2", b"MSH|^~\\&|A|B\rPID|1||7^^^MRN\r")
    >>> part.segments[1]
    Segment(name='PID', fields=(('1', '1'), ('3', '7^^^MRN')))
    """
    parts: list[Body] = []
    for part in show_plain(media_type, body):
        if isinstance(part, JsonBody):
            found = [shown for text in _texts(part.value) if (shown := _segments(text)) is not None]
            parts += [part, *found[:_MESSAGES_SHOWN]]
        else:
            parts.append((_segments(part.text) if isinstance(part, TextBody) else None) or part)
    return tuple(parts)


def _texts(value: Json) -> Iterator[str]:
    """Yield every string of a JSON value, in its order."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting.extend(reversed(item.values()))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


def _segments(text: str) -> SegmentsBody | None:
    """Take a message or a batch apart by its lines; None for a text that is none. What is wrong in it is shown, too."""
    unwrapped, _ = message.unwrap(text)
    if not unwrapped.startswith(_HEADERS):
        return None
    try:
        separator = message.read_delimiters(unwrapped.replace("\n", "\r").split("\r")[0]).field
    except SandboxError:
        return None
    lines = unwrapped.replace("\r\n", "\r").replace("\n", "\r").split("\r")
    return SegmentsBody(_kind(unwrapped), tuple(_segment(line, separator) for line in lines if line.strip()))


def _kind(text: str) -> str:
    try:
        return message.parse(text).type
    except SandboxError:
        return text[:3]


def _segment(line: str, separator: str) -> Segment:
    name, *fields = line.split(separator)
    first = 1
    if name in _HEADERS:
        fields, first = [separator, *fields], 1
    return Segment(name, tuple((str(number), text) for number, text in enumerate(fields, first) if text))


def title(collection: str, value: Json) -> str:
    """Return the type and control id of a row's message.

    >>> title("hl7/inbox", {"message_type": "ORU^R01", "control_id": "7"})
    'ORU^R01 7'
    """
    if not isinstance(value, dict):
        return ""
    words = (value.get(name) for name in ("message_type", "trigger_event", "control_id", "ack_code"))
    return " ".join(word for word in words if isinstance(word, str))


def gist(request: bytes, answer: bytes) -> Gist | None:
    r"""Return the type of the message that was sent and the code that acknowledged it, over HTTP or MLLP.

    >>> sent = b"MSH|^~\\&|A|B|C|D|20260423||ADT^A01|7|P|2.5\r"
    >>> gist(sent, b"MSH|^~\\&|C|D|A|B|20260423||ACK|8|P|2.5\rMSA|AE|7\r")
    Gist(text='ADT^A01, AE', is_refused=True)
    >>> gist(b'{"payload": "hello"}', b'{"ack_code": "AR"}'), gist(b'{"ack_code": "AA"}', b"{}")
    (Gist(text='AR', is_refused=True), Gist(text='AA', is_refused=False))
    """
    asked, answered = _read(request), _read(answer)
    codes = [_code(found) for found in (answered, asked)]
    code = next((code for code in codes if code), "")
    words = [word for word in (_sent(asked), code) if word]
    return Gist(", ".join(words), bool(code) and code not in ACCEPTED_CODES) if words else None


def _read(body: bytes) -> Json:
    """Return a body as JSON, else as the text that it is."""
    if body.lstrip()[:1] == b"{":
        try:
            return jsonio.parse(body)
        except SandboxError:
            pass
    return body.decode("utf-8", "replace")


def _sent(value: Json) -> str:
    """Return the type of the message that was sent, of a batch that it is one."""
    text = value.get("payload") if isinstance(value, dict) else value
    if not isinstance(text, str):
        return ""
    unwrapped, _ = message.unwrap(text)
    if unwrapped.startswith(_HEADERS[1:]):
        return "batch"
    kind = _kind(unwrapped.replace("\n", "\r").split("\r")[0]) if unwrapped.startswith("MSH") else ""
    return "" if kind == "MSH" else kind


def _code(value: Json) -> str:
    """Return the acknowledgment code of an answer, in JSON or in MSA-1; of a delivery without one, why."""
    if isinstance(value, dict):
        code = next((value[name] for name in ("ack_code", "code", "error") if isinstance(value.get(name), str)), "")
        return code[:60]
    if not isinstance(value, str):
        return ""
    line = next((line for line in value.replace("\n", "\r").split("\r") if line.startswith("MSA")), "")
    return line[4:6] if len(line) > 5 else ""


_GISTS: Final = dict.fromkeys(("hl7_outbound", "hl7_ack", "hl7_delivery"), gist)
VIEWS: Final = Views(show_body, title, lists=_LISTS, gists=_GISTS)
