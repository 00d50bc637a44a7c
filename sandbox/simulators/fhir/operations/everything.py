"""`$everything`: all about a patient or an encounter (R4, Patient-everything, Encounter-everything).

The resource itself and everything in its compartment are matches; what these refer to outside the
compartment (practitioners, organizations, medications, …) is included with them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sandbox import jsonio, limits
from sandbox.clock import parse_instant
from sandbox.errors import Invalid, TooLarge, Unsupported
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.simulators.fhir import state
from sandbox.simulators.fhir.calls import Answer, Call
from sandbox.simulators.fhir.names import collection_of
from sandbox.simulators.fhir.negotiation import whole_number
from sandbox.simulators.fhir.operations.params import Inputs, inputs_of
from sandbox.simulators.fhir.search import compartments, pages
from sandbox.simulators.fhir.search.criteria import Run
from sandbox.simulators.fhir.search.parse import compartment_criterion
from sandbox.simulators.fhir.search.store import Store
from sandbox.simulators.fhir.validation.dates import interval
from sandbox.simulators.fhir.validation.literals import parse_literal
from sandbox.simulators.fhir.validation.structures import resource_types

_KNOWN: Final = frozenset("start end _since _type _count _getpages _getpagesoffset".split())
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

    matches: dict[Key, None] = field(default_factory=dict)
    included: dict[Key, None] = field(default_factory=dict)


def run(call: Call) -> Answer:
    """Return the Bundle; without an id, of all patients."""
    inputs = inputs_of(call)
    inputs.refuse_unknown(_KNOWN, "$everything")
    owner = call.path[0]
    if len(call.path) == 2 and owner != "Patient":
        raise Unsupported(f"{owner}/$everything needs an id: {owner}/[id]/$everything.", issue_type="not-supported")
    if inputs.first(pages.KEY) is not None:
        row = pages.recall(call.tx, str(inputs.first(pages.KEY)))
        if row["path"] != "/".join(call.path):
            raise Invalid("The page belongs to another result.", issue_type="invalid", expression=f"http.{pages.KEY}")
        keys = [(t, i) for t, _, i in (text.partition("/") for text in row["matches"])]
        offset = whole_number(pages.OFFSET, inputs.first(pages.OFFSET) or "0")
        return _page(call, keys, row["included_from"], offset, row["count"], str(inputs.first(pages.KEY)))
    found = _collect(call, owner, inputs)
    keys = [*found.matches, *found.included]
    if len(keys) > limits.SEARCH_RESULTS:
        message = f"There are {len(keys)} resources; the limit is {limits.SEARCH_RESULTS}. Narrow it with _type."
        raise TooLarge(message, issue_type="too-costly")
    count = inputs.first("_count")
    if count is None:
        return _page(call, keys, len(found.matches), 0, len(keys), None)
    size = min(whole_number("_count", count, 1), limits.SEARCH_COUNT_MAX)
    kept = None
    if len(keys) > size:
        row = {"path": "/".join(call.path), "count": size, "included_from": len(found.matches)}
        kept = pages.keep(call.tx, keys, row)
    return _page(call, keys, len(found.matches), 0, size, kept)


def _types(inputs: Inputs) -> frozenset[str] | None:
    wanted = [part for value in inputs.values.get("_type", ()) for part in str(value).split(",")]
    for name in wanted:
        if name not in resource_types():
            message = f'"{name}" is not a resource type of R4.'
            raise Invalid(message, issue_type="value", expression="http._type")
    return frozenset(wanted) or None


def _moments(inputs: Inputs, name: str) -> tuple[datetime, datetime] | None:
    value = inputs.first(name)
    if value is None:
        return None
    found = interval(str(value).replace(" ", "+"), is_utc=True)
    if found is None:
        message = f'{name} must be a date, not "{value}".'
        raise Invalid(message, issue_type="value", expression=f"http.{name}")
    return found


def _collect(call: Call, owner: str, inputs: Inputs) -> Found:
    branch = call.tx.branch
    wanted, since = _types(inputs), _moments(inputs, "_since")
    start, end = _moments(inputs, "start"), _moments(inputs, "end")
    owner_ids = [call.path[1]] if len(call.path) == 3 else [key for key, _ in branch.documents(collection_of(owner))]
    members_of = compartments()[owner]
    every = Found()
    for owner_id in owner_ids:
        every.matches[owner, owner_id] = None
        for resource_type in sorted(members_of):
            if branch.count(collection_of(resource_type)):
                for resource_id in _members(branch, resource_type, (owner, owner_id), call.base):
                    every.matches[resource_type, resource_id] = None
    found = Found()
    for key in every.matches:
        value = branch.get(collection_of(key[0]), key[1])
        if _is_in_time(key, value, owner, since, start, end):
            found.matches[key] = None
            _include(branch, value, call.base, every, members_of, found)
    if wanted is not None:
        found.matches = {key: None for key in found.matches if key[0] in wanted}
        found.included = {key: None for key in found.included if key[0] in wanted}
    return found


def _members(branch: Branch, resource_type: str, compartment: Key, base: str) -> list[str]:
    store = Store.of(branch)
    criterion = compartment_criterion(compartment, resource_type, base)
    return store.type(resource_type).in_order(Run(store, base).matches(resource_type, [criterion]))


def _is_in_time(
    key: Key,
    value: Json,
    owner: str,
    since: tuple[datetime, datetime] | None,
    start: tuple[datetime, datetime] | None,
    end: tuple[datetime, datetime] | None,
) -> bool:
    if since is not None and parse_instant(value["meta"]["lastUpdated"]) < since[0]:
        return False
    if key[0] == owner or (start is None and end is None):
        return True
    first, last = _care_dates(value)
    # A day ends where the next begins, so only a single moment may touch the start.
    is_before = start is not None and last is not None and (last < start[0] or (last == start[0] and first != last))
    is_after = end is not None and first is not None and first >= end[1]
    return not is_before and not is_after


def _care_dates(value: Json) -> tuple[datetime | None, datetime | None]:
    """Return the first and last moment of care; None where the resource does not say."""
    for name in _CARE_DATES:
        item = value.get(name)
        if isinstance(item, str):
            found = interval(item, is_utc=True)
            if found is not None:
                return found
        elif isinstance(item, dict):
            begin, finish = item.get("start"), item.get("end")
            first = interval(begin, is_utc=True) if begin else None
            last = interval(finish, is_utc=True) if finish else None
            return (first[0] if first else None), (last[1] if last else None)
    return None, None


def _include(
    branch: Branch, value: Json, base: str, every: Found, members_of: Mapping[str, tuple[str, ...]], found: Found
) -> None:
    """Note what a resource refers to outside the compartment, transitively."""
    waiting = list(_references(value))
    while waiting:
        literal = parse_literal(waiting.pop())
        if literal is None or (literal.base and literal.base != base):
            continue
        key = (literal.type, literal.id)
        if key in every.matches or key in found.included:
            continue
        is_outside = literal.type not in members_of and literal.type != "Patient"
        document = branch.get_document(collection_of(literal.type), literal.id) if is_outside else None
        if document is not None:
            found.included[key] = None
            waiting += _references(document.value)


def _references(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str):
            yield reference
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _page(call: Call, keys: list[Key], included_from: int, offset: int, count: int, kept: str | None) -> Answer:
    url = f"{call.base}/{'/'.join(call.path)}"

    def at(place: int) -> str:
        return f"{url}?{pages.KEY}={kept}&{pages.OFFSET}={place}"

    links = [{"relation": "self", "url": url if kept is None or not offset else at(offset)}]
    if kept is not None:
        links.append({"relation": "first", "url": at(0)})
        if offset:
            links.append({"relation": "previous", "url": at(max(0, offset - count))})
        if offset + count < len(keys):
            links.append({"relation": "next", "url": at(offset + count)})
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": included_from, "link": links}
    entries = []
    for place, (resource_type, resource_id) in enumerate(keys[offset : offset + count], offset):
        document = state.find_document(call.tx.branch, resource_type, resource_id)
        if document is not None:
            mode = "match" if place < included_from else "include"
            full_url = f"{call.base}/{resource_type}/{resource_id}"
            resource = jsonio.fragment(document.json)
            entries.append({"fullUrl": full_url, "resource": resource, "search": {"mode": mode}})
    if entries:
        bundle["entry"] = entries
    return Answer(200, jsonio.dump(bundle))
