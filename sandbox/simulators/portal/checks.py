"""The check `portal-state-match`: finds rows of the portal's final state.

Comparing them with `assertions` is the scoring engine's work.
"""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation, StrictModel
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.paths import read_path
from sandbox.payer.identifiers import equal_at
from sandbox.payer.models import key_of
from sandbox.simulators.base import Candidate, Check, Condition, Selection, Subject, View
from sandbox.simulators.portal.path_types import path_type
from sandbox.simulators.vocabulary import Finding, Surroundings, find_value_problem

Resource = Literal[
    "prior_auth_requests",
    "drafts",
    "patients",
    "providers",
    "formulary",
    "questions",
    "attachments",
    "logins",
    "claims",
    "appeals",
    "sessions",
    "coverages",
    "benefits",
    "accumulators",
]
_TIMES = ("submitted_at", "created_at", "filed_at", "received_at", "uploaded_at", "at")


class Correlation(StrictModel):
    """Which row: a collection, a field that must be there, and what it must hold if `value` is given."""

    resource: Resource
    key: str | None = Field(default=None, min_length=1)
    value: Any = None


class PortalStateMatch(Assertion):
    """`portal-state-match`."""

    correlate_by: Correlation
    where: dict[str, Any] = Field(default_factory=dict)
    assertions: list[FieldExpectation] = Field(default_factory=list)
    count: CountRange | None = None
    absent: bool = False


def select(assertion: PortalStateMatch, view: View) -> Selection:
    """Return the rows that correlate, the latest first."""
    by = assertion.correlate_by
    collection = f"portal/{by.resource}"
    everything = sorted(view.branch.items(collection), key=lambda item: _time(item[1]), reverse=True)
    rows = [row for _, row in everything if all(condition.passed for condition in _conditions(assertion, row))]
    subjects = tuple(Subject(_label(by.resource, row), row) for row in rows)

    def candidates() -> Iterator[Candidate]:
        new = view.new_keys(collection)
        for key, row in sorted(everything, key=lambda item: item[0] not in new):
            yield Candidate(_label(by.resource, row), _conditions(assertion, row), key in new)

    sought = _sought(assertion, _has_value(assertion))
    return Selection(sought, subjects, {"total": len(rows)}, kind=f"row of {by.resource}", candidates=candidates)


def _label(collection: str, row: Json) -> str:
    return str(row.get("id") or key_of(collection, row))


def _has_value(assertion: PortalStateMatch) -> bool:
    return "value" in assertion.correlate_by.model_fields_set


def _conditions(assertion: PortalStateMatch, row: Json) -> tuple[Condition, ...]:
    by = assertion.correlate_by
    found = []
    if by.key is not None:
        values = read_path(row, by.key)
        if _has_value(assertion):
            # Unlike `where`, a value of null asks for a field that is there and null.
            is_equal = any(equal_at(by.key, by.value, actual) for actual in values)
            found.append(Condition(by.key, by.value, _shown(values), is_equal))
        else:
            is_there = any(actual is not None for actual in values)
            found.append(Condition(by.key, {"exists": True}, _shown(values), is_there, "exists"))
    for path, wanted in assertion.where.items():
        values = read_path(row, path)
        is_equal = any(equal_at(path, wanted, actual) for actual in values or [None])
        found.append(Condition(path, wanted, _shown(values), is_equal))
    return tuple(found)


def _shown(values: list[Json]) -> Json:
    return values[0] if len(values) == 1 else (values or None)


def _time(row: Json) -> tuple[str, str]:
    at = next((row[name] for name in _TIMES if row.get(name)), "")
    return at, str(row.get("request_id") or row.get("id") or "")


def _sought(assertion: PortalStateMatch, has_value: bool) -> str:
    by = assertion.correlate_by
    conditions = [f"{path} = {value!r}" for path, value in assertion.where.items()]
    if by.key is not None:
        conditions.insert(0, f"{by.key} = {by.value!r}" if has_value else f"a {by.key}")
    return f"row of {by.resource}" + (f" with {' and '.join(conditions)}" if conditions else "")


def inspect(assertion: PortalStateMatch, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield what no row of the collection can have: a key, a path, a value."""
    by = assertion.correlate_by
    for path, wanted, keys in (
        *([(by.key, by.value if _has_value(assertion) else None, ("correlate_by", "key"))] if by.key else []),
        *((path, wanted, ("where", path)) for path, wanted in assertion.where.items()),
    ):
        try:
            problem = find_value_problem(path_type(by.resource, path), wanted)
        except Invalid as error:
            yield keys, error.message
        else:
            if problem is not None:
                yield keys, f"{path}: {problem}"


CHECKS = (
    Check(
        "portal-state-match",
        PortalStateMatch,
        select,
        "assertion_results",
        "matched_row",
        path_type=lambda assertion, path: path_type(assertion.correlate_by.resource, path),
        inspect=inspect,
    ),
)
