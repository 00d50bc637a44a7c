"""The check `hl7-structural`: which messages an assertion means, and the values at its paths.

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
from sandbox.simulators.hl7 import state
from sandbox.simulators.hl7.message import Message, Unreadable, parse
from sandbox.simulators.hl7.path_types import find_event_problem, find_type_problem, path_type
from sandbox.simulators.hl7.paths import find_values, parse_path
from sandbox.simulators.vocabulary import Finding, Surroundings
from sandbox.suggest import nearest

Scalar: TypeAlias = str | int | float | bool | None

NAMED_KEYS: Final = ("message_type", "trigger_event", "control_id")
_MAILBOXES: Final = {"outbound": state.OUTBOUND, "acks": state.ACKS}
_SOUGHT: Final = {"outbound": "outbound HL7 message", "acks": "acknowledgment of an inbox message"}


class Hl7StructuralAssertion(Assertion):
    """What upstream documents (`correlate_by`, `fields`) and, as extensions, `accepted`, `count`,
    `absent`, and `mailbox: acks` to look at the agent's acknowledgments instead."""

    correlate_by: dict[str, Scalar] = {}
    fields: list[FieldExpectation] = []
    accepted: bool | None = None
    count: CountRange | None = None
    absent: bool = False
    mailbox: Literal["outbound", "acks"] = "outbound"

    @field_validator("correlate_by")
    @classmethod
    def _known_keys(cls, value: dict[str, Scalar]) -> dict[str, Scalar]:
        for key in value:
            if key not in NAMED_KEYS:
                near = nearest(key, NAMED_KEYS)
                _check_path(
                    key, f"did you mean {near}? " if near else f"{key!r} is none of {', '.join(NAMED_KEYS)} and "
                )
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


def select(assertion: Hl7StructuralAssertion, view: View) -> Selection:
    """Find the messages an assertion means: accepted ones first, then the newest."""
    rows = state.list_rows(view.branch, _MAILBOXES[assertion.mailbox])
    found = []
    for row in rows:
        if assertion.accepted is not None and row["accepted"] is not assertion.accepted:
            continue
        message = _read(row)
        if all(_matches(row, message, key, value) for key, value in assertion.correlate_by.items()):
            found.append((row, message))
    found.sort(key=lambda pair: (not pair[0]["accepted"], -int(pair[0]["position"])))
    subjects = tuple(
        Subject(row["id"], state.public(row), partial(_values_at, message), row["payload"]) for row, message in found
    )
    return Selection(
        _sought(assertion),
        subjects,
        {"total": len(subjects)},
        kind=_SOUGHT[assertion.mailbox],
        candidates=lambda: (_candidate(assertion, row) for row in reversed(rows)),
    )


def _candidate(assertion: Hl7StructuralAssertion, row: Json) -> Candidate:
    message = _read(row)
    conditions = [
        Condition(key, wanted, _found(row, message, key), _matches(row, message, key, wanted))
        for key, wanted in assertion.correlate_by.items()
    ]
    if assertion.accepted is not None:
        conditions.append(
            Condition("accepted", assertion.accepted, row["accepted"], row["accepted"] is assertion.accepted)
        )
    return Candidate(f"{row['message_type']} {row['id']}", tuple(conditions))


def _found(row: Json, message: Message | None, key: str) -> Json:
    """Return what a message holds under a key of `correlate_by`, for people."""
    if key == "trigger_event":
        return str(row["message_type"]).partition("^")[2] or None
    if key in NAMED_KEYS:
        return row[key]
    values = _values_at(message, key)
    return values[0] if len(values) == 1 else (values or None)


def _read(row: Json) -> Message | None:
    try:
        return parse(row["payload"])
    except Unreadable:
        return None


def _values_at(message: Message | None, path: str) -> list[Json]:
    return [] if message is None else [*find_values(message, path)]


def _matches(row: Mapping[str, Any], message: Message | None, key: str, wanted: Scalar) -> bool:
    if key == "message_type":
        if message is not None and row["message_type"] == message.type:
            full = [message.code, message.trigger_event, message.component(message.header, 9, 3)]
        else:
            full = str(row["message_type"]).split("^")
        parts = str(wanted).split("^")
        return parts == full[: len(parts)]
    if key == "trigger_event":
        return bool(_equals(str(row["message_type"]).partition("^")[2], wanted))
    if key == "control_id":
        return _equals(row["control_id"], wanted)
    values = _values_at(message, key)
    return any(_equals(value, wanted) for value in values) or (wanted is None and not values)


def _equals(found: str, wanted: Scalar) -> bool:
    """Compare a field's text: an empty field is null, HL7 has no booleans of its own."""
    if isinstance(wanted, bool):
        return found == str(wanted).lower()
    return equal(wanted, found or None)


def _sought(assertion: Hl7StructuralAssertion) -> str:
    what = _SOUGHT[assertion.mailbox]
    if assertion.accepted is not None:
        what = f"{'accepted' if assertion.accepted else 'rejected'} {what}"
    if assertion.correlate_by:
        what += " with " + " and ".join(f"{key} = {value}" for key, value in assertion.correlate_by.items())
    return what


def inspect(assertion: Hl7StructuralAssertion, surroundings: Surroundings) -> Iterator[Finding]:
    """Yield the message types, trigger events and paths that no version of HL7 has."""
    for key, wanted in assertion.correlate_by.items():
        problem = None
        if key == "message_type" and isinstance(wanted, str):
            problem = find_type_problem(wanted)
        elif key == "trigger_event" and isinstance(wanted, str):
            problem = find_event_problem(wanted)
        elif key not in NAMED_KEYS:
            try:
                path_type(key)
            except Invalid as error:
                problem = error.message
        if problem is not None:
            yield ("correlate_by", key), problem


HL7_STRUCTURAL: Final = Check(
    "hl7-structural",
    Hl7StructuralAssertion,
    select,
    matched_key="matched_message_id",
    picks="best",
    path_type=lambda assertion, path: path_type(path),
    inspect=inspect,
)
