"""The check `portal-state-match`: finds rows of the portal's final state.

Comparing them with `assertions` is the scoring engine's work.
"""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation, StrictModel
from sandbox.jsonio import Json
from sandbox.paths import read_path
from sandbox.simulators.base import Check, Selection, Subject, View
from sandbox.simulators.portal.identifiers import equal_at
from sandbox.simulators.portal.models import key_of

Resource = Literal[
    "prior_auth_requests", "drafts", "patients", "providers", "formulary", "questions", "attachments", "logins"
]
_TIMES = ("submitted_at", "created_at", "uploaded_at", "at")


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
    has_value = "value" in by.model_fields_set
    rows = [row for _, row in view.branch.items(f"portal/{by.resource}")]
    if by.key is not None:
        rows = [row for row in rows if _correlates(by.key, read_path(row, by.key), by.value, has_value)]
    rows = [
        row
        for row in rows
        if all(
            any(equal_at(path, wanted, actual) for actual in read_path(row, path) or [None])
            for path, wanted in assertion.where.items()
        )
    ]
    rows.sort(key=_time, reverse=True)
    subjects = tuple(Subject(str(row.get("id") or key_of(by.resource, row)), row) for row in rows)
    return Selection(_sought(assertion, has_value), subjects, {"total": len(rows)})


def _correlates(path: str, found: Sequence[Json], wanted: Json, has_value: bool) -> bool:
    if has_value:
        return any(equal_at(path, wanted, actual) for actual in found)
    return any(actual is not None for actual in found)


def _time(row: Json) -> tuple[str, str]:
    at = next((row[name] for name in _TIMES if row.get(name)), "")
    return at, str(row.get("request_id") or row.get("id") or "")


def _sought(assertion: PortalStateMatch, has_value: bool) -> str:
    by = assertion.correlate_by
    conditions = [f"{path} = {value!r}" for path, value in assertion.where.items()]
    if by.key is not None:
        conditions.insert(0, f"{by.key} = {by.value!r}" if has_value else f"a {by.key}")
    return f"row of {by.resource}" + (f" with {' and '.join(conditions)}" if conditions else "")


CHECKS = (Check("portal-state-match", PortalStateMatch, select, "assertion_results", "matched_row"),)
