"""An answer as JSON: the same that the interchange says, by names instead of positions.

Reads the answer's own text and nothing else, so that whoever has the X12 has all of it.
"""

from collections.abc import Sequence

from sandbox.jsonio import Json
from sandbox.payer.people import WORDS
from sandbox.simulators.x12.edi.segments import STANDARD, Segment
from sandbox.simulators.x12.transactions.levels import Level, all_of, every, find, levels_of
from sandbox.simulators.x12.transactions.people import person_of
from sandbox.simulators.x12.transactions.values import first_day, iso, last_day, procedure_of

_GENDERS = {"M": "male", "F": "female", "U": "unknown"}
_COVERAGE = {"1": "active", "6": "inactive"}


def segments_of(text: str) -> tuple[Segment, ...]:
    """Return the segments of a text with the standard delimiters."""
    lines = (line.strip() for line in text.split(STANDARD.segment))
    return tuple(Segment(tuple(line.split(STANDARD.element))) for line in lines if line)


def read_answer(kind: str, text: str) -> list[Json]:
    """Return what an answer says, an object for each person, claim or service it is about."""
    root = levels_of(segments_of(text))
    if kind == "271":
        return [_coverage(level) for level in _people(root)]
    if kind == "277":
        return [claim for level in _people(root) for claim in _claims(level)]
    if kind == "278":
        return [one for level in _people(root) for one in _services(level)]
    return []


def _people(root: Level) -> list[Level]:
    """Return the levels that stand for who is asked about: dependents, and subscribers that have none below them."""
    subscribers = list(all_of(root, "22"))
    found: list[Level] = []
    for subscriber in subscribers:
        found += subscriber.below("23") or [subscriber]
    if found:
        return found
    return [*all_of(root, "19"), *all_of(root, "21"), *all_of(root, "20")][:1]


def _person(level: Level) -> dict[str, Json]:
    """Return who a level is about, and the subscriber where that is somebody else."""
    person = person_of(level.segments)
    group = find(level.segments, "REF", "6P")
    found: dict[str, Json] = {
        "member_id": person.member_id or None,
        "last_name": person.last_name or None,
        "first_name": person.first_name or None,
        "birth_date": person.birth_date or None,
        "gender": _GENDERS.get(person.gender),
        "group_number": group.get(2) if group is not None else None,
    }
    above = level.above("22")
    return {"patient": found, "subscriber": found if above is None else _person(above)["patient"]}


def _rejections(level: Level, *above: str) -> list[Json]:
    found = []
    for one in (level, *(up for code in above if (up := level.above(code)) is not None)):
        for segment in every(one.segments, "AAA"):
            reason = segment.get(3)
            found.append({"code": reason, "follow_up": segment.get(4), "message": WORDS.get(reason, "rejected")})
    return found


def _coverage(level: Level) -> Json:
    own, *parts = level.loops("EB")
    status = next((found for loop in parts if (found := _COVERAGE.get(loop[0].get(1)))), "unknown")
    plan = next((loop[0].get(5) for loop in parts if loop[0].get(1) in _COVERAGE), "")
    begin, end = find(own, "DTP", "346"), find(own, "DTP", "347")
    return {
        **_person(level),
        "coverage": {
            "status": status,
            "plan": plan or None,
            "start": iso(begin.get(3)) if begin is not None else None,
            "end": iso(end.get(3)) if end is not None else None,
        },
        "benefits": [_benefit(loop) for loop in parts],
        "rejections": _rejections(level, "22", "21", "20"),
    }


def _benefit(loop: Sequence[Segment]) -> Json:
    line = loop[0]
    return {
        "code": line.get(1),
        "coverage_level": line.get(2) or None,
        "service_type_codes": line.repeats(3),
        "insurance_type": line.get(4) or None,
        "plan": line.get(5) or None,
        "period": line.get(6) or None,
        "amount": _number(line.get(7)),
        "percent": _number(line.get(8)),
        "quantity_qualifier": line.get(9) or None,
        "quantity": _number(line.get(10)),
        "authorization_required": line.get(11) or None,
        "in_network": line.get(12) or None,
        "procedure_code": procedure_of(line.component(13, 2)),
        "messages": [one.get(1) for one in every(loop, "MSG")],
    }


def _number(text: str) -> Json:
    if not text:
        return None
    return float(text) if "." in text else int(text)


def _claims(level: Level) -> list[Json]:
    _, *parts = level.loops("TRN")
    return [{**_person(level), **_claim(loop)} for loop in parts] or [{**_person(level), **_claim([])}]


def _claim(segments: Sequence[Segment]) -> dict[str, Json]:
    lines: list[list[Segment]] = [[]]
    for segment in segments:
        if segment.name == "SVC":
            lines.append([])
        lines[-1].append(segment)
    own, *services = lines
    days = find(own, "DTP", "472")
    return {
        "claim_number": _reference(own, "1K"),
        "patient_account_number": _reference(own, "EJ"),
        "service_date": iso(first_day(days.get(3))) if days is not None else None,
        "service_end_date": iso(last_day(days.get(3))) if days is not None else None,
        "statuses": [_status(one) for one in every(own, "STC")],
        "lines": [
            {
                "procedure_code": procedure_of(line[0].component(1, 2)),
                "charge": _number(line[0].get(2)),
                "paid": _number(line[0].get(3)),
                "statuses": [_status(one) for one in every(line, "STC")],
            }
            for line in services
        ],
    }


def _reference(segments: Sequence[Segment], qualifier: str) -> str | None:
    found = find(segments, "REF", qualifier)
    return found.get(2) if found is not None else None


def _status(segment: Segment) -> Json:
    return {
        "category": segment.component(1, 1),
        "status": segment.component(1, 2),
        "entity": segment.component(1, 3) or None,
        "date": iso(segment.get(2)) or None,
        "charge": _number(segment.get(4)),
        "paid": _number(segment.get(5)),
        "paid_date": iso(segment.get(6)) or None,
        "check_number": segment.get(9) or None,
    }


def _services(level: Level) -> list[Json]:
    found = []
    for event in level.below("EV"):
        services: list[Level | None] = [*event.below("SS")] or [None]
        found += [{**_person(level), **_service(event, service)} for service in services]
    return found or [{**_person(level), **_service(level, None)}]


def _service(event: Level, service: Level | None) -> dict[str, Json]:
    own = [*(service.segments if service is not None else []), *event.segments]
    decision = find(own, "HCR")
    valid = find(own, "DTP", "007")
    line = find(own, "SV1") or find(own, "SV2")
    units = line.get(4 if line.name == "SV1" else 5) if line is not None else ""
    codes = [one.component(1, 2) or one.component(2, 2) for one in every(own, "SV1") + every(own, "SV2")]
    rejections = [*(_rejections(service) if service is not None else []), *_rejections(event, "23", "22", "21", "20")]
    return {
        "action": decision.get(1) if decision is not None else None,
        "reason_code": (decision.get(3) or None) if decision is not None else None,
        "authorization_number": (decision.get(2) or None) if decision is not None else None,
        "administrative_number": _reference(own, "NT"),
        "valid_from": iso(first_day(valid.get(3))) if valid is not None else None,
        "valid_to": iso(last_day(valid.get(3))) if valid is not None and "-" in valid.get(3) else None,
        "procedure_code": next((procedure_of(code) for code in codes if code), None),
        "units": _number(units),
        "messages": list(dict.fromkeys(one.get(1) for one in every(own, "MSG"))),
        "rejections": rejections,
    }
