"""The check `x12-response`: which answers an assertion means, and the values at its paths.

Comparing values with expectations, counts and absence is the scoring engine's work.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from pydantic import field_validator

from sandbox.definitions.assertions import Assertion, CountRange, FieldExpectation
from sandbox.equality import equal
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.simulators.base import Candidate, Check, Condition, Selection, Subject, View
from sandbox.simulators.vocabulary import Finding, Surroundings
from sandbox.simulators.x12 import state
from sandbox.simulators.x12.edi.segments import Segment
from sandbox.simulators.x12.paths import find_values, parse_path, path_type
from sandbox.simulators.x12.reading import segments_of
from sandbox.suggest import nearest

Scalar: TypeAlias = str | int | float | bool | None

NAMED_KEYS: Final = (
    "reference",
    "member_id",
    "request_id",
    "auth_number",
    "procedure_code",
    "state",
    "claim_number",
    "group",
    "request",
    "status",
)
_ROW_KEYS: Final = ("request", "status")


class X12ResponseAssertion(Assertion):
    """What upstream names (`transaction`, `correlate_by`, `fields`) and, as extensions, `status`, `count`, `absent`.

    A key of `correlate_by` is one of `NAMED_KEYS`, or a path into the answer.
    """

    transaction: Literal["271", "277", "278", "999", "TA1"]
    correlate_by: dict[str, Scalar] = {}
    fields: list[FieldExpectation] = []
    status: Literal["answered", "rejected", "accepted"] | None = None
    count: CountRange | None = None
    absent: bool = False

    @field_validator("correlate_by")
    @classmethod
    def _known_keys(cls, value: dict[str, Scalar]) -> dict[str, Scalar]:
        for key in value:
            if key not in NAMED_KEYS:
                near = nearest(key, NAMED_KEYS)
                said = f"did you mean {near}? " if near else f"{key!r} is none of {', '.join(NAMED_KEYS)} and "
                _check_path(key, said)
        return value

    @field_validator("fields")
    @classmethod
    def _known_paths(cls, value: list[FieldExpectation]) -> list[FieldExpectation]:
        for expectation in value:
            _check_path(expectation.path)
        return value


def _check_path(path: str, prefix: str = "") -> None:
    try:
        parse_path(path)
    except Invalid as error:
        raise ValueError(prefix + error.message) from None


def select(assertion: X12ResponseAssertion, view: View) -> Selection:
    """Find the answers an assertion means, the newest first."""
    rows = [r for r in state.list_rows(view.branch, state.TRANSACTIONS) if r["transaction"] == assertion.transaction]
    rows.reverse()
    found = []
    for row in rows:
        segments = segments_of(row["response_x12"])
        if all(condition.passed for condition in _conditions(assertion, row, segments)):
            found.append((row, segments))
    subjects = tuple(
        Subject(row["id"], state.public(row), partial(_values_at, segments), row["response_x12"])
        for row, segments in found
    )
    return Selection(
        _sought(assertion),
        subjects,
        {"total": len(subjects)},
        kind=f"{assertion.transaction} answer",
        candidates=lambda: (_candidate(assertion, row) for row in rows),
    )


def _values_at(segments: tuple[Segment, ...], path: str) -> list[Json]:
    return [*find_values(segments, path)]


def _conditions(
    assertion: X12ResponseAssertion, row: Mapping[str, Any], segments: tuple[Segment, ...]
) -> tuple[Condition, ...]:
    wanted = dict(assertion.correlate_by)
    if assertion.status is not None:
        wanted["status"] = assertion.status
    found = []
    for key, value in wanted.items():
        values = _found(row, segments, key)
        passed = any(_equals(one, value) for one in values) or (value is None and not values)
        found.append(Condition(key, value, values[0] if len(values) == 1 else (values or None), passed))
    return tuple(found)


def _found(row: Mapping[str, Any], segments: tuple[Segment, ...], key: str) -> list[Json]:
    if key in _ROW_KEYS:
        return [row[key]] if row[key] is not None else []
    if key in NAMED_KEYS:
        value = row["about"].get(key)
        return [] if value is None else [value]
    return _values_at(segments, key)


def _equals(found: Json, wanted: Scalar) -> bool:
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold() == wanted.casefold()  # identifiers and codes are the payer's, whatever their case
    return equal(wanted, found)


def _candidate(assertion: X12ResponseAssertion, row: Json) -> Candidate:
    return Candidate(f"{row['transaction']} {row['id']}", _conditions(assertion, row, segments_of(row["response_x12"])))


def _sought(assertion: X12ResponseAssertion) -> str:
    what = f"{assertion.status} {assertion.transaction}" if assertion.status else f"{assertion.transaction} answer"
    if assertion.correlate_by:
        what += " with " + " and ".join(f"{key} = {value}" for key, value in assertion.correlate_by.items())
    return what


def inspect(assertion: X12ResponseAssertion, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield the paths of `correlate_by` that nothing can have."""
    for key in assertion.correlate_by:
        if key in NAMED_KEYS:
            continue
        try:
            path_type(key)
        except Invalid as error:
            yield ("correlate_by", key), error.message


X12_RESPONSE: Final = Check(
    "x12-response",
    X12ResponseAssertion,
    select,
    matched_key="matched_transaction",
    picks="best",
    path_type=lambda assertion, path: path_type(path),
    inspect=inspect,
)
