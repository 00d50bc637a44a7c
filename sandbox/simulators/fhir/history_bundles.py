"""History Bundles at instance, type and system level (R4, RESTful API, history).

Entries come newest first. Since history only grows at its new end, a page is named by how many
older entries are still to come: such a link stays right while the store is written to.
"""

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlencode

from sandbox import jsonio, limits
from sandbox.clock import parse_instant
from sandbox.errors import Invalid, NotFound
from sandbox.jsonio import Json
from sandbox.simulators.fhir import history
from sandbox.simulators.fhir.calls import Answer, Call
from sandbox.simulators.fhir.history import Version
from sandbox.simulators.fhir.negotiation import whole_number
from sandbox.simulators.fhir.state import check_type
from sandbox.simulators.fhir.validation.dates import interval
from sandbox.simulators.fhir.validation.structures import resource_types

DEFAULT_COUNT = 100
REMAINING = "_remaining"
_IGNORED = frozenset({"_format", "_pretty"})


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
    return sorted(rows, key=lambda v: (v.at, v.version, v.resource_type, v.id), reverse=True)


def _bundle(call: Call, rows: list[Version]) -> Answer:
    kept: list[tuple[str, str]] = []
    count: int = DEFAULT_COUNT
    remaining: int | None = None
    for name, value in call.query:
        if name in _IGNORED:
            continue
        if name == "_count":
            count = min(whole_number(name, value), limits.SEARCH_COUNT_MAX)
        elif name == REMAINING:
            remaining = whole_number(name, value)
            continue
        elif name == "_since":
            rows = _since(rows, value)
        elif name == "_at":
            rows = _at(rows, value)
        elif not call.preferences.is_lenient:
            message = f'The parameter "{name}" is not supported for history; use _since, _at and _count.'
            raise Invalid(message, issue_type="not-supported", expression=f"http.{name}")
        else:
            continue
        kept.append((name, value))
    total = len(rows)
    start = max(total - remaining, 0) if remaining is not None else 0
    page = rows[start : start + count] if count else []
    left = total - start - len(page)
    url = f"{call.base}/{'/'.join(call.path)}"
    links = [{"relation": "self", "url": _url(url, kept, remaining)}]
    if count and left > 0:
        links.append({"relation": "next", "url": _url(url, kept, left)})
    bundle: Json = {"resourceType": "Bundle", "type": "history", "total": total, "link": links}
    if page:
        bundle["entry"] = [_entry(call.base, row) for row in page]
    return Answer(200, jsonio.dump(bundle))


def _url(url: str, kept: list[tuple[str, str]], remaining: int | None) -> str:
    pairs = kept if remaining is None else [*kept, (REMAINING, str(remaining))]
    return f"{url}?{urlencode(pairs)}" if pairs else url


def _moments(name: str, value: str) -> tuple[datetime, datetime]:
    found = interval(value.replace(" ", "+"), is_utc=True)
    if found is None:
        message = f'{name} must be a date or instant, not "{value}".'
        raise Invalid(message, issue_type="value", expression=f"http.{name}")
    return found


def _since(rows: list[Version], value: str) -> list[Version]:
    first, _ = _moments("_since", value)
    return [row for row in rows if parse_instant(row.at) >= first]


def _at(rows: list[Version], value: str) -> list[Version]:
    """Keep the versions that were current at some time of the period `value`."""
    first, last = _moments("_at", value)
    replaced: dict[tuple[str, str], datetime] = {}
    kept = []
    for row in rows:
        key, at = (row.resource_type, row.id), parse_instant(row.at)
        until = replaced.get(key)
        if (at < last or at <= first) and (until is None or until > first):
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
    response: Json = {"status": status, "etag": f'W/"{row.version}"', "lastModified": row.at}
    if row.json is not None:
        response["location"] = f"{base}/{row.resource_type}/{row.id}/_history/{row.version}"
    entry["response"] = response
    return entry
