"""What may be done with a prior authorization in which state: the table, and nothing else.

A call that has no entry for a state is a conflict (409) that says what is possible instead. What a determination
then makes of a request is `determination.py`'s; must not know the wire.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from sandbox.errors import Conflict
from sandbox.jsonio import Json

State: TypeAlias = Literal["draft", "pending", "need_more_info", "approved", "denied"]
Call: TypeAlias = Literal["update", "submit", "attach"]
STATES: Final[tuple[State, ...]] = get_args(State)
CALLS: Final[tuple[Call, ...]] = get_args(Call)

_EVERY_FIELD: Final = (
    "patient_member_id",
    "procedure_code",
    "diagnosis_codes",
    "provider_npi",
    "clinical_answers",
    "notes",
    "attachments",
)
_MORE_INFO: Final = ("clinical_answers", "notes", "attachments")


@dataclass(frozen=True, slots=True)
class Transition:
    """One call that a state takes.

    `fields` are those it may write. `leads_to` is what follows: the same state, or a determination.
    """

    state: State
    call: Call
    fields: tuple[str, ...]
    leads_to: Literal["same", "determination"]


TRANSITIONS: Final = (
    Transition("draft", "update", _EVERY_FIELD, "same"),
    Transition("draft", "submit", (), "determination"),
    Transition("draft", "attach", ("attachments",), "same"),
    Transition("pending", "attach", ("attachments",), "same"),
    Transition("need_more_info", "update", _MORE_INFO, "determination"),
    Transition("need_more_info", "submit", (), "determination"),
    Transition("need_more_info", "attach", ("attachments",), "same"),
)
_TABLE: Final[Mapping[tuple[str, str], Transition]] = {(t.state, t.call): t for t in TRANSITIONS}
_SAID: Final[Mapping[Call, str]] = {
    "update": "PATCH of it",
    "submit": "POST …/submit",
    "attach": "POST …/attachments",
}


def state_of(row: Json) -> State:
    """Return the state a row is in: a draft, or what the payer answered."""
    state: State = "draft" if row["status"] == "draft" else row["determination"]["status"]
    return state


def take(row: Json, call: Call, fields: Json = ()) -> Transition:
    """Return the transition of a call; raises `Conflict` when the row's state has none, or not for these fields."""
    state = state_of(row)
    found = _TABLE.get((state, call))
    name = row["auth_number"] or row["request_id"]
    if found is None:
        possible = [_SAID[other] for other in CALLS if (state, other) in _TABLE]
        advice = f"only {', '.join(possible)} is possible" if possible else "that is final; make a new request"
        raise Conflict(f"{name} is {state}: {advice}.")
    fixed = [field for field in fields if field not in found.fields]
    if fixed:
        raise Conflict(
            f"{name} is {state}: {', '.join(fixed)} cannot be changed; PATCH takes {', '.join(found.fields)}."
        )
    return found
