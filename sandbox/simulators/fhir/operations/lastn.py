"""`Observation/$lastn`: the newest observations of each code (R4, Observation-lastn)."""

from datetime import UTC, datetime
from typing import Any, Final

from sandbox import jsonio, limits
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.playground.branch import Document
from sandbox.simulators.fhir.calls import Answer, Call
from sandbox.simulators.fhir.names import collection_of
from sandbox.simulators.fhir.operations.params import inputs_of
from sandbox.simulators.fhir.search import find
from sandbox.simulators.fhir.validation.dates import interval

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


def run(call: Call) -> Answer:
    """Return, for each code, the `max` newest observations of the patient that match the search."""
    inputs = inputs_of(call)
    criteria = []
    limit = 1
    for name, values in inputs.values.items():
        for value in values:
            if name == "max":
                limit = _limit(value)
            else:
                criteria.append((name, str(value)))
    names = {name.partition(":")[0].partition(".")[0] for name, _ in criteria}
    if not names & {"patient", "subject"}:
        raise Invalid("$lastn needs a patient or subject.", issue_type="required", expression="http.patient")
    if not names & {"code", "category"}:
        raise Invalid("$lastn needs a code or category.", issue_type="required", expression="http.category")
    branch, collection = call.tx.branch, collection_of("Observation")
    groups: list[tuple[set[Any], list[tuple[datetime, str, Document]]]] = []
    for resource_id in find(branch, "Observation", criteria, call.base):
        document = branch.get_document(collection, resource_id)
        if document is not None:
            _join(groups, _codes(document.value), (_moment(document.value), resource_id, document))
    entries = []
    for _, members in groups:
        members.sort(key=lambda row: row[0], reverse=True)
        for _, resource_id, document in members[:limit]:
            entries.append(
                {
                    "fullUrl": f"{call.base}/Observation/{resource_id}",
                    "resource": jsonio.fragment(document.json),
                    "search": {"mode": "match"},
                }
            )
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    if entries:
        bundle["entry"] = entries
    return Answer(200, jsonio.dump(bundle))


def _limit(value: Json) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= limits.SEARCH_COUNT_MAX:
        message = f'max must be 1 to {limits.SEARCH_COUNT_MAX}, not "{text}".'
        raise Invalid(message, issue_type="value", expression="http.max")
    return int(text)


def _codes(value: Json) -> set[Any]:
    code = value["code"]
    found = {(c.get("system"), c.get("code")) for c in code.get("coding", ()) if "code" in c}
    return found or {code.get("text")}


def _join(groups: list[Any], codes: set[Any], row: Any) -> None:
    """Put an observation into the group it shares a code with; it may make two groups one."""
    same = [group for group in groups if group[0] & codes]
    if not same:
        groups.append((codes, [row]))
        return
    first = same[0]
    for other in same[1:]:
        first[0].update(other[0])
        first[1].extend(other[1])
        groups.remove(other)
    first[0].update(codes)
    first[1].append(row)


def _moment(value: Json) -> datetime:
    period = value.get("effectivePeriod") or {}
    text = value.get("effectiveDateTime") or value.get("effectiveInstant") or period.get("start") or period.get("end")
    found = interval(text, is_utc=True) if text else None
    return found[0] if found is not None else _EARLIEST
