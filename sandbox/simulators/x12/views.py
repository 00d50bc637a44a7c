"""How X12 is shown: interchanges by segment and element, also those that stand within JSON."""

from collections.abc import Iterator
from typing import Final

from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.simulators import showing
from sandbox.simulators.showing import Body, JsonBody, SegmentsBody, TextBody, Views, show_plain
from sandbox.simulators.x12 import state
from sandbox.simulators.x12.edi.envelope import Interchange
from sandbox.simulators.x12.edi.parse import parse_interchanges
from sandbox.simulators.x12.edi.segments import Segment

_SHOWN: Final = 20
_LISTS: Final = {state.TRANSACTIONS: "Answers", state.INTERCHANGES: "Interchanges"}


def show_body(media_type: str, body: bytes) -> tuple[Body, ...]:
    """Return interchanges by segment; of JSON, the JSON and then the interchanges that stand in it."""
    parts: list[Body] = []
    for part in show_plain(media_type, body):
        if isinstance(part, JsonBody):
            found = [shown for text in _texts(part.value) for shown in _interchanges(text)]
            parts += [part, *found[:_SHOWN]]
        else:
            parts += (_interchanges(part.text)[:_SHOWN] if isinstance(part, TextBody) else []) or [part]
    return tuple(parts)


def _texts(value: Json) -> Iterator[str]:
    """Yield every string of a JSON value that may hold an interchange, in its order."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if item.lstrip().startswith("ISA"):
                yield item
        elif isinstance(item, dict):
            waiting.extend(reversed(item.values()))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


def _interchanges(text: str) -> list[SegmentsBody]:
    try:
        return [_shown(one) for one in parse_interchanges(text)]
    except SandboxError:
        return []


def _shown(interchange: Interchange) -> SegmentsBody:
    header = Segment(interchange.header.elements, interchange.delimiters)
    segments = [header, *interchange.acknowledgments]
    kinds = []
    for group in interchange.groups:
        segments.append(group.header)
        for one in group.sets:
            kinds.append(one.kind)
            segments += one.segments
        segments += [group.trailer] if group.trailer is not None else []
    if interchange.problem is not None:
        kinds.append(f"broken: {interchange.detail}")
    kinds = kinds or [segment.name for segment in interchange.acknowledgments]
    return SegmentsBody(" ".join(dict.fromkeys(kinds)), tuple(map(_segment, segments)))


def _segment(segment: Segment) -> showing.Segment:
    elements = enumerate(segment.elements[1:], 1)
    return showing.Segment(segment.name, tuple((f"{number:02}", text) for number, text in elements if text.strip()))


def title(collection: str, value: Json) -> str:
    """Return what an answer is and whom it is about.

    >>> title("clearinghouse/transactions", {"transaction": "271", "status": "answered", "about": {"member_id": "M1"}})
    '271 answered, M1'
    """
    if not isinstance(value, dict):
        return ""
    if collection == state.TRANSACTIONS:
        about = value.get("about") or {}
        words = [f"{value.get('transaction')} {value.get('status')}", about.get("member_id"), about.get("auth_number")]
        return ", ".join(word for word in words if isinstance(word, str))
    return f"{value.get('sender', '')} {value.get('control_number', '')}".strip()


VIEWS: Final = Views(show_body, title, lists=_LISTS)
