"""`Observation/$lastn`: the newest observations of each code (R4, Observation-lastn).

Observations of equal time are not told apart: where the last one of a group has equals, they all
come, so a group may hold more than `max`.
"""

from typing import Any, Final, TypeAlias

from sandbox import limits
from sandbox.errors import Invalid, TooLarge
from sandbox.jsonio import Json
from sandbox.playground.branch import Document
from sandbox.r4.dates import stored_interval
from sandbox.simulators.fhir.operations.params import Inputs, inputs_of
from sandbox.simulators.fhir.rest.calls import Answer, Call
from sandbox.simulators.fhir.search import SearchRequest, find_as_asked
from sandbox.simulators.fhir.search.answer import bundle
from sandbox.simulators.fhir.search.query.strings import query as query_string
from sandbox.simulators.fhir.terms.counts import whole_number
from sandbox.simulators.fhir.terms.names import collection_of
from sandbox.simulators.fhir.terms.parameters import is_criterion

Row: TypeAlias = tuple[int, str, Document]

_EARLIEST: Final = 0  # stands for a time that is not known


def run(call: Call) -> Answer:
    """Return, for each code, the `max` newest observations of the patient that match the search."""
    inputs, handling = inputs_of(call), call.handling()
    criteria, limit = [], handling.attempt(lambda: _limit(inputs), 1)
    for name, values in inputs.values.items():
        if name == "max":
            continue
        if not is_criterion(name):
            message = f"$lastn does not take {name}; it takes max and what selects observations."
            handling.refuse(Invalid(message, issue_type="not-supported", expression=f"http.{name}"))
            continue
        criteria += [(name, str(value)) for value in values]
    names = {name.partition(":")[0].partition(".")[0] for name, _ in criteria}
    if not names & {"patient", "subject"}:
        raise Invalid("$lastn needs a patient or subject.", issue_type="required", expression="http.patient")
    if not names & {"code", "category"}:
        raise Invalid("$lastn needs a code or category.", issue_type="required", expression="http.category")
    branch, collection = call.tx.branch, collection_of("Observation")
    request = SearchRequest("Observation", tuple(criteria), call.base, handling.is_lenient)
    found, plan = find_as_asked(branch, request, call.tx.now)
    handling.ignored += plan.handling.ignored
    groups: list[tuple[set[Any], list[Row]]] = []
    for resource_id in found:
        document = branch.get_document(collection, resource_id)
        if document is not None:
            _join(groups, _codes(document.value), (_moment(document.value), resource_id, document))
    entries: list[bytes] = []
    for _, members in groups:
        members.sort(key=lambda row: row[0], reverse=True)
        for _, resource_id, document in _newest(members, limit):
            entries.append(bundle.entry(call.base, "Observation", resource_id, document.json, "match"))
    if len(entries) > limits.SEARCH_RESULTS:
        message = f"There are {len(entries)} observations; the limit is {limits.SEARCH_RESULTS}. Ask for a smaller max."
        raise TooLarge(message, issue_type="too-costly")
    understood = plan.understood if limit == 1 else [*plan.understood, ("max", str(limit))]
    own = f"{call.base}/{'/'.join(call.path)}{query_string(understood)}"
    notes = bundle.outcome_entries(handling.issues)
    return Answer(200, bundle.bundle(len(entries), [("self", own)], notes + entries))


def _limit(inputs: Inputs) -> int:
    given = inputs.one("max")
    return 1 if given is None else whole_number("max", given, 1)


def _newest(members: list[Row], limit: int) -> list[Row]:
    """Return the first `limit` of members in order, and those of the same time as the last of them."""
    kept = members[:limit]
    last = kept[-1][0]
    return kept if last == _EARLIEST else kept + [row for row in members[limit:] if row[0] == last]


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


def _moment(value: Json) -> int:
    period = value.get("effectivePeriod") or {}
    moment = value.get("effectiveDateTime") or value.get("effectiveInstant") or period.get("start") or period.get("end")
    texts = [moment] if moment else value.get("effectiveTiming", {}).get("event", ())
    found = (stored_interval(text) for text in texts if text is not None)
    return max((first for first, _ in filter(None, found)), default=_EARLIEST)
