"""Conditions: searches that choose the resource to act on, and conditional reads (R4, RESTful API).

Every conditional interaction is the plain one after `match_of` or `matches_of` found its target.
"""

from collections.abc import Mapping

from sandbox.errors import Invalid, PreconditionFailed
from sandbox.simulators.fhir.rest.calls import Call, Query
from sandbox.simulators.fhir.terms.instants import datetime_of
from sandbox.simulators.fhir.terms.parameters import is_criterion, without_form
from sandbox.simulators.fhir.terms.urls import split_condition
from sandbox.simulators.fhir_api.negotiation import tag_versions
from sandbox.wire.forms import read_pairs
from sandbox.wire.http_dates import parse_http_date


def criteria(condition: str | Query, what: str, resource_type: str = "", base: str = "") -> Query:
    """Return a condition's search parameters.

    Raises `PreconditionFailed` when there is none, since it would match everything, `Malformed` when it cannot be read,
    and `Invalid` when it is of another type or shapes a result: a write has none, and who sends `_count=2` with a
    deletion must not see five resources go. `Prefer: handling=lenient` changes nothing about that.

    >>> criteria("?identifier=a|b&_format=json", "If-None-Exist")
    (('identifier', 'a|b'),)
    """
    if isinstance(condition, str):
        place, text = split_condition(condition, base)
        if place and place != (resource_type,):
            raise Invalid(f"{what} is a search for {'/'.join(place)}; here it must be for {resource_type}.")
        condition = read_pairs(text)
    kept = without_form(condition)
    for name, _ in kept:
        if not is_criterion(name):
            message = (
                f'{what} does not take "{name}": it shapes the result of a search, and limits nothing of a write. '
                "Leave it out, or search first and write to the ids that you find."
            )
            raise Invalid(message, issue_type="not-supported", expression=f"http.{name}")
    if not kept:
        message = f"{what} needs at least one search parameter: without any it would match every resource."
        raise PreconditionFailed(message, issue_type="required")
    return kept


def of_create(call: Call) -> str | Query | None:
    """Return the condition of a create: `If-None-Exist` or the URL's query, None without; not both."""
    header = call.headers.get("if-none-exist")
    query = without_form(call.query)
    if header is not None and query:
        raise Invalid("The create has two conditions, If-None-Exist and the URL's query; send one.")
    return header if header is not None else query or None


def matches_of(call: Call, resource_type: str, condition: str | Query, what: str) -> list[str]:
    """Return the ids of all matches of a condition."""
    from sandbox.simulators.fhir.search import find

    return find(call.tx.branch, resource_type, criteria(condition, what, resource_type, call.base), call.base)


def match_of(call: Call, resource_type: str, condition: str | Query, what: str) -> str | None:
    """Return the id of the one match, None without one; raises `PreconditionFailed` for several."""
    found = matches_of(call, resource_type, condition, what)
    if len(found) > 1:
        shown = condition if isinstance(condition, str) else "&".join(f"{k}={v}" for k, v in condition)
        message = f"{what}: {len(found)} {resource_type} resources match {shown}; it must be one at most."
        raise PreconditionFailed(message, issue_type="multiple-matches")
    return found[0] if found else None


def is_not_modified(headers: Mapping[str, str], version: int, instant: str) -> bool:
    """Whether `If-None-Match` or `If-Modified-Since` says that the caller has this version.

    >>> is_not_modified({"if-none-match": 'W/"2"'}, 2, "2026-01-01T00:00:00.000Z")
    True
    """
    tags = headers.get("if-none-match")
    if tags is not None:
        known = tag_versions(tags)
        return known is not None and (None in known or str(version) in known)
    since = headers.get("if-modified-since")
    if since is None:
        return False
    moment, modified = parse_http_date(since) or datetime_of(since), datetime_of(instant)
    # RFC 9110: a date that cannot be read is ignored, and HTTP's dates have whole seconds.
    return moment is not None and modified is not None and modified.replace(microsecond=0) <= moment
