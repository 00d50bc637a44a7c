"""The receiver's judgement of a message: accept (AA), error (AE) or reject (AR).

HL7 v2.5 §2.9.2. AR is for what cannot be processed at all: an unsupported version, message type,
trigger event or processing id. AE is for a required segment or field that is missing, a value of
the wrong type, and a code outside an HL7 table without which the segment has no meaning.
Everything a working interface engine reads past is a note, not an error.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.simulators.hl7.faults import (
    REQUIRED_FIELD,
    SEGMENT_SEQUENCE,
    UNSUPPORTED_EVENT,
    UNSUPPORTED_PROCESSING_ID,
    UNSUPPORTED_TYPE,
    UNSUPPORTED_VERSION,
    Fault,
)
from sandbox.simulators.hl7.fields import check_segment
from sandbox.simulators.hl7.message import Message
from sandbox.simulators.hl7.policy import segment_leniencies
from sandbox.simulators.hl7.structure import Missing, Placement, place
from sandbox.simulators.hl7.tables import VERSIONS, FieldRule, Node, segment_rule
from sandbox.simulators.hl7.trigger_events import (
    DEFAULT_EVENTS,
    EVENTS,
    EXTENDED_TYPES,
    STRICT_TYPES,
    find_structure,
    is_known_event,
)

PROCESSING_IDS: Final = frozenset({"P", "D", "T"})
FAULTS_REPORTED: Final = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the receiver answers, why, and what it read past."""

    ack_code: str
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether the message was taken."""
        return self.ack_code == "AA"


def validate(message: Message, *, is_strict: bool = False) -> Verdict:
    r"""Judge a parsed message; `is_strict` limits the message types to what upstream supports.

    >>> from sandbox.simulators.hl7.message import parse
    >>> header = "MSH|^~\\&|A|B|C|D|20260423||ADT^A01|1|P|2.5\r"
    >>> validate(parse(header + "PID|1||7^^^MRN||Smith^John\rPV1|1|I")).ack_code
    'AA'
    >>> verdict = validate(parse(header + "PID|1||7^^^MRN\rPV1|1|I"))
    >>> verdict.ack_code, verdict.faults[0].location, verdict.faults[0].code
    ('AE', 'PID^1^5', '101')
    """
    refusals = tuple(_refusals(message, is_strict))
    if refusals:
        return Verdict("AR", refusals, message.notes)
    version, code = message.version, message.code
    event = message.trigger_event or DEFAULT_EVENTS.get(code, "")
    found = find_structure(version, code, event)
    if found is None:
        fault = Fault("MSH^1^9^1^2", UNSUPPORTED_EVENT, f"HL7 {version} has no {code}^{event}.")
        return Verdict("AR", (fault,), message.notes)
    structure_version, root = found
    names = [segment.name for segment in message.segments]
    lenient = segment_leniencies(f"{code}^{event}")
    placement = place(names, root, lenient)
    faults = [
        Fault("", SEGMENT_SEQUENCE, f"Line {number} is not a segment: {line[:40]!r}. Does a field hold a line break?")
        for number, line in message.strays
    ]
    faults.extend(_missing_segment(item, names, root) for item in placement.missing)
    content, left_out = _check_content(message, frozenset(placement.unknown), structure_version)
    faults.extend(content)
    notes = [*message.notes, *_notes(message, event, structure_version, root, names, placement)]
    absent = dict.fromkeys(item.segment for item in placement.waived)
    notes.extend(f"{name} is missing; accepted, because {lenient[name]}." for name in absent)
    notes.extend(left_out)
    if len(faults) > FAULTS_REPORTED:
        notes.append(f"Only the first {FAULTS_REPORTED} errors are listed.")
    return Verdict("AE" if faults else "AA", tuple(faults[:FAULTS_REPORTED]), tuple(notes))


def _refusals(message: Message, is_strict: bool) -> Iterator[Fault]:
    version, code, event = message.version, message.code, message.trigger_event
    supported = STRICT_TYPES if is_strict else EXTENDED_TYPES
    if not version:
        yield Fault("MSH^1^12", REQUIRED_FIELD, "MSH-12 (version id) is empty; name the HL7 version, such as 2.5.")
    elif version not in VERSIONS:
        text = f"HL7 version {version!r} is not supported; supported are {', '.join(VERSIONS)}."
        yield Fault("MSH^1^12", UNSUPPORTED_VERSION, text)
    if not code:
        text = "MSH-9 (message type) is empty; name the type and trigger event, such as ADT^A01."
        yield Fault("MSH^1^9", REQUIRED_FIELD, text)
    elif code not in supported:
        text = f"Message type {code!r} is not supported; supported are {', '.join(supported)}."
        yield Fault("MSH^1^9", UNSUPPORTED_TYPE, text)
    elif not event and not (version in ("2.1", "2.2") and code in DEFAULT_EVENTS) and code != "ACK":
        text = f"MSH-9.2 (trigger event) is empty; name the event, such as {code}^{next(iter(EVENTS[code]))}."
        yield Fault("MSH^1^9^1^2", UNSUPPORTED_EVENT, text)
    elif event and not is_known_event(code, event):
        yield Fault("MSH^1^9^1^2", UNSUPPORTED_EVENT, f"HL7 does not define the trigger event {event!r} for {code}.")
    processing = message.component(message.header, 11)
    if processing and processing not in PROCESSING_IDS:
        text = f"Processing id {processing!r} is not supported; use P (production), D (debugging) or T (training)."
        yield Fault("MSH^1^11", UNSUPPORTED_PROCESSING_ID, text)


def _missing_segment(item: Missing, names: Sequence[str], root: Node) -> Fault:
    named = " or ".join((item.segment, *item.alternatives))
    where = "" if item.group == root.name else f" (in the group that ends with {names[item.after]})"
    text = f"{named} is required in {root.name}{where}, but missing."
    return Fault(f"{item.segment}^{names[: item.after + 1].count(item.segment) + 1}", SEGMENT_SEQUENCE, text)


def _check_content(message: Message, unknown: frozenset[int], structure_version: str) -> tuple[list[Fault], list[str]]:
    """Return what is wrong in the fields, and the notes on those that were left out."""
    occurrences: Counter[str] = Counter()
    version, delimiters = message.version, message.delimiters
    faults: list[Fault] = []
    left_out: dict[tuple[str, int], list[FieldRule]] = {}
    for index, segment in enumerate(message.segments):
        occurrences[segment.name] += 1
        if index in unknown:
            continue
        rule = segment_rule(version, segment.name) or segment_rule(structure_version, segment.name)
        if rule is None:
            continue
        found = check_segment(segment, occurrences[segment.name], rule, delimiters)
        faults.extend(found.faults)
        for field in found.left_out:
            left_out.setdefault((segment.name, field.position), []).append(field)
        if len(faults) > FAULTS_REPORTED:
            break
    return faults, [_left_out_note(name, fields[0], len(fields)) for (name, _), fields in left_out.items()]


def _left_out_note(segment: str, field: FieldRule, count: int) -> str:
    reason = field.leniency.reason if field.leniency else ""
    where = "" if count == 1 else f" in {count} segments"
    return f"{segment}-{field.position} ({field.name}) is empty{where}; accepted, because {reason}."


def _notes(
    message: Message, event: str, structure_version: str, root: Node, names: Sequence[str], placement: Placement
) -> Iterator[str]:
    if not message.component(message.header, 9, 2) and event:
        yield f"MSH-9 names no trigger event; taken as {message.code}^{event}."
    named = message.component(message.header, 9, 3)
    if named and named != root.name:
        yield f"MSH-9.3 says {named}; {message.code}^{event} has the structure {root.name}, which was applied."
    if structure_version != message.version:
        yield f"HL7 {message.version} has no {message.code}^{event}; read with the structure of {structure_version}."
    unexpected = sorted({names[index] for index in placement.unknown if not names[index].startswith("Z")})
    if unexpected:
        yield f"Not part of {root.name}, kept but not looked at: {', '.join(unexpected)}."
    if placement.out_of_order:
        late = sorted({names[index] for index in placement.out_of_order})
        yield f"Out of the order of {root.name}: {', '.join(late)}."
