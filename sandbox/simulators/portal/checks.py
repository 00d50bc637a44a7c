"""The check `portal-state-match`: finds rows of the portal's final state.

Comparing them with `assertions` is the scoring engine's work.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation, StrictModel
from sandbox.jsonio import Json
from sandbox.simulators.base import Check, Selection, Subject, View
from sandbox.simulators.portal.models import key_of

Resource = Literal[
    "prior_auth_requests", "drafts", "patients", "providers", "formulary", "questions", "attachments", "logins"
]
# JSON's own grammar: "007" is an identifier, not the number 7.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
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
        rows = [row for row in rows if _correlates(values_at(row, by.key), by.value, has_value)]
    rows = [
        row
        for row in rows
        if all(
            any(is_same(actual, wanted) for actual in values_at(row, path) or [None])
            for path, wanted in assertion.where.items()
        )
    ]
    rows.sort(key=_time, reverse=True)
    subjects = tuple(Subject(str(row.get("id") or key_of(by.resource, row)), row) for row in rows)
    return Selection(_sought(assertion, has_value), subjects, {"total": len(rows)})


def _correlates(found: Sequence[Json], wanted: Json, has_value: bool) -> bool:
    if has_value:
        return any(is_same(actual, wanted) for actual in found)
    return any(actual is not None for actual in found)


def values_at(value: Json, path: str) -> list[Json]:
    """Return what stands at a dotted path; `*` means any element, a number an index.

    >>> values_at({"a": [{"b": 1}, {"b": 2}]}, "a.*.b"), values_at({"a": 1}, "a.b")
    ([1, 2], [])
    """
    found = [value]
    for part in path.split("."):
        following: list[Json] = []
        for item in found:
            if isinstance(item, Mapping) and part in item:
                following.append(item[part])
            elif part == "*" and isinstance(item, Mapping):
                following.extend(item.values())
            elif part == "*" and isinstance(item, list):
                following.extend(item)
            elif isinstance(item, list) and part.isascii() and part.isdigit() and int(part) < len(item):
                following.append(item[int(part)])
        found = following
    return found


def is_same(actual: Json, wanted: Json) -> bool:
    """Tell whether two JSON values are equal; a number in a string equals the number.

    >>> is_same("5", 5), is_same(True, 1), is_same("a", "A"), is_same(["5"], [5]), is_same("007", 7)
    (True, False, False, True, False)
    """
    if isinstance(actual, list) and isinstance(wanted, list):
        return len(actual) == len(wanted) and all(map(is_same, actual, wanted))
    if isinstance(actual, bool) or isinstance(wanted, bool):
        return actual is wanted
    if isinstance(actual, str) and isinstance(wanted, int | float):
        return _number(actual, wanted) == wanted
    if isinstance(actual, int | float) and isinstance(wanted, str):
        return _number(wanted, actual) == actual
    return bool(actual == wanted)


def _number(text: str, other: float) -> Decimal | float | None:
    if not _NUMBER.fullmatch(text):
        return None
    return Decimal(text) if isinstance(other, int) else float(text)


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
