"""`$everything`: all about a patient or an encounter (R4, Patient-everything, Encounter-everything).

The resource itself and everything in its compartment are matches; what these refer to (practitioners, attachments,
results without a subject, …) is included with them, unless it is another's (`supporting.py`).
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sandbox import limits, work
from sandbox.errors import TooLarge, Unsupported
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.r4.dates import Interval, point_of, read_parameter, stored_interval
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir import state
from sandbox.simulators.fhir.operations.params import Inputs, inputs_of
from sandbox.simulators.fhir.operations.references import references_of
from sandbox.simulators.fhir.operations.supporting import Supporting
from sandbox.simulators.fhir.rest.calls import Answer, Call
from sandbox.simulators.fhir.search import compartments
from sandbox.simulators.fhir.search.answer import bundle, pages
from sandbox.simulators.fhir.search.query.criteria import Run
from sandbox.simulators.fhir.search.query.parse import compartment_criterion
from sandbox.simulators.fhir.search.query.plan import known_types
from sandbox.simulators.fhir.search.query.store import Store
from sandbox.simulators.fhir.search.query.strings import query as query_string
from sandbox.simulators.fhir.terms.counts import page_size
from sandbox.simulators.fhir.terms.handling import Handling
from sandbox.simulators.fhir.terms.names import collection_of

_MATCH: Final = 5  # units of work
_KNOWN: Final = frozenset("start end _since _type _count".split())
# Where a resource says when the care took place, the first that is there.
_CARE_DATES: Final = (
    "effectiveDateTime effectivePeriod effectiveInstant performedDateTime performedPeriod occurrenceDateTime "
    "occurrencePeriod period servicedDate servicedPeriod billablePeriod start onsetDateTime onsetPeriod recordedDate "
    "authoredOn whenHandedOver whenPrepared dateAsserted sent date dateTime created issued"
).split()

Key = tuple[str, str]


@dataclass(slots=True)
class Found:
    """What was found: the matches in order, and what is included with them."""

    matches: list[Key]
    included: list[Key]


@dataclass(slots=True)
class Asked:
    """What the operation is asked for; `understood` is what was honoured, for the `self` link."""

    types: frozenset[str] | None = None
    since: Interval | None = None
    start: Interval | None = None
    end: Interval | None = None
    count: int | None = None
    understood: list[tuple[str, str]] = field(default_factory=list)


def run(call: Call) -> Answer:
    """Return the Bundle; without an id, of all patients."""
    inputs, handling = inputs_of(call), call.handling()
    owner, path = call.path[0], "/".join(call.path)
    if len(call.path) == 2 and owner != "Patient":
        raise Unsupported(f"{owner}/$everything needs an id: {owner}/[id]/$everything.", issue_type="not-supported")
    if pages.KEY in inputs.values:
        parameters = [(name, value) for name, values in inputs.values.items() for value in values]
        page = pages.later(call.tx, parameters, path, handling)
        links, included_from = page.links(f"{call.base}/{path}"), page.row["included_from"]
        return _answer(call, page.matches, included_from, page.offset, page.count, links, handling)
    inputs.refuse_unknown(_KNOWN, "$everything", handling)
    asked = _asked(inputs, handling)
    found = _collect(call, owner, asked)
    keys = [*found.matches, *found.included]
    if len(keys) > limits.SEARCH_RESULTS:
        message = f"There are {len(keys)} resources; the limit is {limits.SEARCH_RESULTS}. Narrow it with _type."
        raise TooLarge(message, issue_type="too-costly")
    included_from, count = len(found.matches), len(keys) if asked.count is None else asked.count
    links = [("self", f"{call.base}/{path}{query_string(asked.understood)}")]
    if len(keys) > count > 0:
        kept = pages.keep(call.tx, keys, {"path": path, "count": count, "included_from": included_from})
        links += pages.links(f"{call.base}/{path}", kept, 0, count, len(keys))
    return _answer(call, keys, included_from, 0, count, links, handling)


def _asked(inputs: Inputs, handling: Handling) -> Asked:
    asked = Asked()
    types = [name for value in inputs.values.get("_type", ()) for name in _types(str(value), handling)]
    if types:
        asked.types = frozenset(types)
        asked.understood.append(("_type", ",".join(dict.fromkeys(types))))
    for name in ("_since", "start", "end", "_count"):
        value = handling.attempt(partial(_read, asked, inputs, name), None)
        if value is not None:
            asked.understood.append((name, value))
    return asked


def _types(value: str, handling: Handling) -> list[str]:
    return known_types(value, resource_types(), "", handling)


def _read(asked: Asked, inputs: Inputs, name: str) -> str | None:
    """Take one parameter in and return it as it was understood, None without it; raises `Invalid`."""
    value = inputs.one(name)
    if value is None:
        return None
    if name == "_count":
        asked.count = page_size(value)
        return str(asked.count)
    setattr(asked, name.removeprefix("_"), read_parameter(name, str(value)))
    return str(value)


def _collect(call: Call, owner: str, asked: Asked) -> Found:
    branch = call.tx.branch
    owner_ids = [call.path[1]] if len(call.path) == 3 else [key for key, _ in branch.documents(collection_of(owner))]
    members_of = compartments()[owner]
    every: dict[Key, None] = {}
    for owner_id in owner_ids:
        every[owner, owner_id] = None
        for resource_type in sorted(members_of):
            if branch.count(collection_of(resource_type)):
                for resource_id in _members(branch, resource_type, (owner, owner_id), call.base):
                    every[resource_type, resource_id] = None
    supporting = Supporting(branch, call.base, _own(call, owner, owner_ids), every)
    matches = []
    for key in every:
        value = branch.get(collection_of(key[0]), key[1])
        if _is_in_time(key, value, owner, asked):
            matches.append(key)
            work.spend(_MATCH)
            supporting.follow(value)
    found = Found(matches, list(supporting.found))
    if asked.types is not None:
        found.matches = [key for key in found.matches if key[0] in asked.types]
        found.included = [key for key in found.included if key[0] in asked.types]
    return found


def _own(call: Call, owner: str, owner_ids: list[str]) -> dict[str, frozenset[str]]:
    """Return whose the record is, by compartment; an encounter's is its patient's too."""
    own = {owner: frozenset(owner_ids)}
    if owner == "Encounter":
        value = call.tx.branch.get(collection_of(owner), owner_ids[0])
        subject = references_of(value.get("subject"), call.base)
        own["Patient"] = frozenset(literal.id for literal in subject if literal.type == "Patient")
    return own


def _members(branch: Branch, resource_type: str, compartment: Key, base: str) -> list[str]:
    store = Store.of(branch)
    criterion = compartment_criterion(compartment, resource_type, base)
    return store.type(resource_type).in_order(Run(store, base).matches(resource_type, [criterion]))


def _is_in_time(key: Key, value: Json, owner: str, asked: Asked) -> bool:
    since, start, end = asked.since, asked.start, asked.end
    if since is not None and point_of(value["meta"]["lastUpdated"]) < since[0]:
        return False
    if key[0] == owner or (start is None and end is None):
        return True
    first, last = _care_dates(value)
    is_before = start is not None and last is not None and last < start[0]
    is_after = end is not None and first is not None and first > end[1]
    return not is_before and not is_after


def _care_dates(value: Json) -> tuple[int | None, int | None]:
    """Return the first and last moment of care; None where the resource does not say."""
    for name in _CARE_DATES:
        item = value.get(name)
        if isinstance(item, str):
            found = stored_interval(item)
            if found is not None:
                return found
        elif isinstance(item, dict):
            begin, finish = item.get("start"), item.get("end")
            first = stored_interval(begin) if begin else None
            last = stored_interval(finish) if finish else None
            return (first[0] if first else None), (last[1] if last else None)
    return None, None


def _answer(
    call: Call,
    keys: list[Key],
    included_from: int,
    offset: int,
    count: int,
    links: list[tuple[str, str]],
    handling: Handling,
) -> Answer:
    """Answer a page of the result; what was deleted since is left out."""
    entries = bundle.outcome_entries(handling.issues)
    for place, (resource_type, resource_id) in enumerate(keys[offset : offset + count], offset):
        document = state.find_document(call.tx.branch, resource_type, resource_id)
        if document is not None:
            mode = "match" if place < included_from else "include"
            entries.append(bundle.entry(call.base, resource_type, resource_id, document.json, mode))
    return Answer(200, bundle.bundle(included_from, links, entries))
