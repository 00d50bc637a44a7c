"""History Bundles at instance, type and system level (R4, RESTful API, history).

Entries come newest first. Since history only grows at its new end, a page is named by how many
older entries are still to come: such a link stays right while the store is written to.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from sandbox import jsonio
from sandbox.errors import Invalid, NotFound
from sandbox.jsonio import Json
from sandbox.r4.dates import point_of, read_parameter
from sandbox.r4.model import resource_types
from sandbox.simulators.fhir import history
from sandbox.simulators.fhir.history import Version
from sandbox.simulators.fhir.rest.calls import Answer, Call
from sandbox.simulators.fhir.state import check_type
from sandbox.simulators.fhir.terms.counts import page_size, repeated, whole_number
from sandbox.simulators.fhir.terms.handling import Handling
from sandbox.simulators.fhir.terms.parameters import without_form
from sandbox.simulators.fhir_api.negotiation import etag_of
from sandbox.simulators.fhir_api.outcome import outcome

DEFAULT_COUNT = 100
REMAINING = "_remaining"


def of_instance(call: Call) -> Answer:
    """`GET [type]/[id]/_history`."""
    resource_type, resource_id = call.path[:2]
    check_type(resource_type)
    found = history.versions(call.tx.branch, resource_type, resource_id)
    if not found:
        raise NotFound(f"There is no {resource_type}/{resource_id} and never was.")
    return _bundle(call, found)


def of_type(call: Call) -> Answer:
    """`GET [type]/_history`."""
    [resource_type, _] = call.path
    check_type(resource_type)
    return _bundle(call, _newest_first(history.versions_of_type(call.tx.branch, resource_type)))


def of_system(call: Call) -> Answer:
    """`GET _history`."""
    branch = call.tx.branch
    types = [name.removeprefix("fhir/") for name in branch.collections("fhir/")]
    rows = (v for name in types if name in resource_types() for v in history.versions_of_type(branch, name))
    return _bundle(call, _newest_first(rows))


def _newest_first(rows: Iterable[Version]) -> list[Version]:
    return sorted(rows, key=lambda v: (v.at[:-1], v.version, v.resource_type, v.id), reverse=True)


@dataclass(slots=True)
class _Asked:
    """What a history is asked for; `understood` is what was honoured, for the links."""

    count: int = DEFAULT_COUNT
    remaining: int | None = None
    understood: list[tuple[str, str]] = field(default_factory=list)


def _bundle(call: Call, rows: list[Version]) -> Answer:
    handling, asked, seen = call.handling(), _Asked(), set[str]()
    for name, value in without_form(call.query):
        if name in seen:
            handling.refuse(repeated(name))
            continue
        seen.add(name)
        try:
            rows = _read(asked, name, value, rows)
        except Invalid as error:
            handling.refuse(error)
    total, count = len(rows), asked.count
    start = max(total - asked.remaining, 0) if asked.remaining is not None else 0
    page = rows[start : start + count] if count else []
    left = total - start - len(page)
    url = f"{call.base}/{'/'.join(call.path)}"
    own = _url(url, asked.understood, asked.remaining)
    links = [{"relation": "self", "url": own}]
    if count and left > 0:
        links.append({"relation": "next", "url": _url(url, asked.understood, left)})
    bundle: Json = {"resourceType": "Bundle", "type": "history", "total": total, "link": links}
    entries = [_outcome_entry(handling, own)] if handling.ignored else []
    entries += [_entry(call.base, row) for row in page]
    if entries:
        bundle["entry"] = entries
    return Answer(200, jsonio.dump(bundle))


def _read(asked: _Asked, name: str, value: str, rows: list[Version]) -> list[Version]:
    """Take one parameter in and return the versions that it leaves; raises `Invalid`."""
    if name == REMAINING:
        asked.remaining = whole_number(name, value)
        return rows
    if name == "_count":
        asked.count = page_size(value)
        value = str(asked.count)
    elif name == "_since":
        rows = _since(rows, value)
    elif name == "_at":
        rows = _at(rows, value)
    else:
        message = f'The parameter "{name}" is not supported for history; use _since, _at and _count.'
        raise Invalid(message, issue_type="not-supported", expression=f"http.{name}")
    asked.understood.append((name, value))
    return rows


def _outcome_entry(handling: Handling, url: str) -> Json:
    """Say what was ignored; every entry of a history has a request and a response (R4, Bundle, bdl-3 and bdl-4)."""
    request = {"method": "GET", "url": url}
    return {"resource": outcome(handling.issues), "request": request, "response": {"status": "200 OK"}}


def _url(url: str, kept: list[tuple[str, str]], remaining: int | None) -> str:
    pairs = kept if remaining is None else [*kept, (REMAINING, str(remaining))]
    return f"{url}?{urlencode(pairs)}" if pairs else url


def _since(rows: list[Version], value: str) -> list[Version]:
    first, _ = read_parameter("_since", value)
    return [row for row in rows if point_of(row.at) >= first]


def _at(rows: list[Version], value: str) -> list[Version]:
    """Keep the versions that were current at some time of the period `value`."""
    first, last = read_parameter("_at", value)
    replaced: dict[tuple[str, str], int] = {}
    kept = []
    for row in rows:
        key, at = (row.resource_type, row.id), point_of(row.at)
        until = replaced.get(key)
        if at <= last and (until is None or until > first):
            kept.append(row)
        replaced[key] = at
    return kept


def _entry(base: str, row: Version) -> Json:
    entry: Json = {"fullUrl": f"{base}/{row.resource_type}/{row.id}"}
    if row.json is not None:
        entry["resource"] = jsonio.fragment(row.json)
    url = row.resource_type if row.method == "POST" else f"{row.resource_type}/{row.id}"
    entry["request"] = {"method": row.method, "url": url}
    status = "204 No Content" if row.json is None else "201 Created" if row.is_new else "200 OK"
    response: Json = {"status": status, "etag": etag_of(row.version), "lastModified": row.at}
    if row.json is not None:
        response["location"] = f"{base}/{row.resource_type}/{row.id}/_history/{row.version}"
    entry["response"] = response
    return entry
