"""Conditions: searches that choose the resource to act on, and conditional reads (R4, RESTful API).

Every conditional interaction is the plain one after `match_of` or `matches_of` found its target.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import parse_qsl

from sandbox.clock import parse_instant
from sandbox.errors import Invalid, PreconditionFailed
from sandbox.simulators.fhir.rest.calls import FORM_ONLY, Call, Query
from sandbox.simulators.fhir.rest.negotiation import tag_versions
from sandbox.simulators.fhir.terms.urls import split_condition

# What shapes a search's answer and selects nothing (R4, Search, "Search result parameters").
_NOT_CRITERIA: Final = frozenset(
    "_format _pretty _summary _elements _count _sort _total _include _revinclude _contained _containedType".split()
)


def is_criterion(name: str) -> bool:
    """Whether a search parameter selects resources, rather than shaping the answer.

    >>> is_criterion("family:exact"), is_criterion("_include:iterate")
    (True, False)
    """
    return name.partition(":")[0] not in _NOT_CRITERIA


def criteria(condition: str | Query, what: str, resource_type: str = "", base: str = "") -> Query:
    """Return a condition's search parameters.

    Raises `PreconditionFailed` when there is none, since it would match everything, and `Invalid` when it is no
    search, one of another type, or shapes a result: a write has none, and who sends `_count=2` with a deletion
    must not see five resources go. `Prefer: handling=lenient` changes nothing about that.

    >>> criteria("?identifier=a|b&_format=json", "If-None-Exist")
    (('identifier', 'a|b'),)
    """
    if isinstance(condition, str):
        place, text = split_condition(condition, base)
        if place and place != (resource_type,):
            raise Invalid(f"{what} is a search for {'/'.join(place)}; here it must be for {resource_type}.")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
        except ValueError:
            raise Invalid(f'{what} "{text}" is not a search: write name=value&name=value.') from None
        condition = tuple(pairs)
    kept = tuple((name, value) for name, value in condition if name not in FORM_ONLY)
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
    query = tuple(pair for pair in call.query if pair[0] not in FORM_ONLY)
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
    try:
        moment = parsedate_to_datetime(since)
    except (TypeError, ValueError):
        try:
            moment = parse_instant(since)
        except ValueError:
            return False  # RFC 9110: a date that cannot be read is ignored
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    modified: datetime = parse_instant(instant).replace(microsecond=0)
    return modified <= moment
