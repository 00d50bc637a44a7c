"""The rules of prior authorizations, from draft to decision, for whoever acts for the provider.

Each function takes an interaction and the case's request id or number, and returns the case's row. Every call that its
state has no entry for in the life cycle is `Refused`. Must not know the wire.
"""

from collections.abc import Sequence
from typing import Final

from sandbox.errors import Conflict, Invalid
from sandbox.jsonio import Json
from sandbox.payer import attachments, determination, due
from sandbox.payer.attachments import Upload
from sandbox.payer.case_index import index_of
from sandbox.payer.case_rows import (
    ANSWERED,
    DRAFTS,
    REQUESTS,
    completed,
    find,
    keep,
    moved,
    new_row,
    set_timers,
    touched,
)
from sandbox.payer.config import payer_config
from sandbox.payer.lifecycle import life_cycle, possible_in, refused, take
from sandbox.payer.numbers import new_auth_number, new_tracking_number
from sandbox.payer.refusals import invalid
from sandbox.payer.validation import check_complete, check_fields
from sandbox.playground.playground import Interaction

REASON_CHARS: Final = 500
_EMPTY: Final[dict[str, Json]] = {"diagnosis_codes": [], "clinical_answers": {}}


def create(tx: Interaction, fields: Json, uploads: Sequence[Upload], *, is_draft: bool) -> Json:
    """Save a new prior authorization, as a draft or submitted at once; return its row.

    `fields` holds what the caller sent, by name. Raises `Invalid` naming the fields, `Conflict` for what is on file
    already where the payer refuses that.
    """
    row = check_fields(tx, _merge(new_row(tx), fields))
    row = attachments.add(tx, row, uploads)
    if not is_draft or payer_config(tx).saving_submits:
        return _submit(tx, row)
    set_timers(tx, keep(tx, row))
    return row


def begin(tx: Interaction, fields: Json, request_id: str) -> Json:
    """Begin a request that is written page by page, under an id that was minted for it; return its draft, also where
    saving one sends it.

    Raises `Invalid` naming the fields.
    """
    row = check_fields(tx, _merge({**new_row(tx), "request_id": request_id}, fields))
    set_timers(tx, keep(tx, row))
    return row


def read(tx: Interaction, name: str) -> Json:
    """Return a row for its reader. The read counts: it may be the one a determination waits for."""
    row = find(tx, name)
    due.count_read(tx, row["request_id"])
    return find(tx, row["request_id"])


def update(tx: Interaction, name: str, fields: Json, uploads: Sequence[Upload]) -> Json:
    """Change a draft, or a request before its decision where the payer offers that; or answer `need_more_info`, which
    leads to a new determination. What a draft or an undecided request says already leaves it as it is.

    Raises `Refused` when the row's state does not take it, `Invalid` naming the fields.
    """
    row = find(tx, name)
    transition = take(row, "update", payer_config(tx).offers, fields)
    if not fields:
        raise Invalid("The body holds no field to change.")
    if transition.is_same:
        before = row
        if "attachments" in fields and fields["attachments"] is None:
            row = attachments.remove_all(tx, row)
        changed = check_fields(tx, _merge(row, fields))
        if changed["status"] != "draft":
            check_complete(tx, changed)
        changed = attachments.add(tx, changed, uploads)
        return before if changed == before else keep(tx, touched(tx, changed, "updated", fields=sorted(fields)))
    empty = [field for field in fields if not fields[field]]
    if empty:
        raise invalid({field: ["Must not be empty: the payer asked for more information."] for field in empty})
    row = check_fields(tx, _merge(row, fields))
    check_complete(tx, row)
    row = attachments.add(tx, row, uploads)
    return _hand_in(tx, row, "update", sorted(fields))


def submit(tx: Interaction, name: str) -> Json:
    """Submit a draft; or, while more information is wanted, send in the attachments added since.

    Raises `Refused` when it was submitted already, `Invalid` naming what is missing.
    """
    row = find(tx, name)
    if take(row, "submit", payer_config(tx).offers).source == "draft":
        return _submit(tx, check_fields(tx, row), was_draft=True)
    since_asked = [entry["action"] for entry in row["history"]]
    if "determined" in since_asked:
        since_asked = since_asked[len(since_asked) - since_asked[::-1].index("determined") :]
    if "attachments_added" not in since_asked:
        problem = "nothing was added since the payer asked for more information; update it or attach a file first."
        raise refused(row, payer_config(tx).offers, problem)
    check_complete(tx, check_fields(tx, row))
    return _hand_in(tx, row, "submit", ["attachments"])


def attach(tx: Interaction, name: str, uploads: Sequence[Upload]) -> Json:
    """Add files to a draft or to a request that is not decided yet; return its row.

    Raises `Refused` where its state takes none.
    """
    row = find(tx, name)
    take(row, "attach", payer_config(tx).offers)
    row = attachments.add(tx, row, uploads)
    return keep(tx, touched(tx, row, "attachments_added", filenames=[item.filename for item in uploads]))


def withdraw(tx: Interaction, name: str, reason: str | None = None) -> Json:
    """Take a request, or what was authorized, back; return its row. Raises `Refused`, `Invalid`."""
    row = find(tx, name)
    transition = take(row, "withdraw", payer_config(tx).offers)
    if reason is not None and len(reason) > REASON_CHARS:
        raise invalid({"reason": [f"Longer than {REASON_CHARS} characters."]})
    determination.forget(tx, row["request_id"])
    row = moved(tx, row, transition, "withdrawn", reason=reason)
    set_timers(tx, keep(tx, {**row, "wanted": None, "authorization": None}))
    return find(tx, row["request_id"])


def resubmit(tx: Interaction, name: str, fields: Json, uploads: Sequence[Upload] = ()) -> Json:
    """Send a denied or withdrawn request again, with what is corrected; return its row with the new determination.

    Raises `Refused`, `Invalid` naming the fields.
    """
    row = find(tx, name)
    transition = take(row, "resubmit", payer_config(tx).offers, fields)
    row = check_fields(tx, _merge(row, fields))
    check_complete(tx, row)
    row = attachments.add(tx, row, uploads)
    determination.forget(tx, row["request_id"])
    row = moved(tx, row, transition, "resubmitted", fields=sorted(fields))
    row = {**row, "determination": determination.pending(), "wanted": None, "denial": None, "authorization": None}
    return determination.on_resubmission(tx, {**row, "peer_to_peer": None})


def possible_calls(tx: Interaction, row: Json) -> tuple[str, ...]:
    """Return what the provider may do with a case now, by the names of the life cycle's table."""
    return possible_in(row, payer_config(tx).offers)


def _hand_in(tx: Interaction, row: Json, call: str, fields: list[str]) -> Json:
    transition = life_cycle().by_trigger["pended", call]
    row = moved(tx, row, transition, ANSWERED, fields=fields)
    return determination.on_more_info(tx, {**row, "wanted": None})


def _merge(row: Json, fields: Json) -> Json:
    """Lay what was sent over a row: null clears, clinical answers merge key by key."""
    row = dict(row)
    for name, value in fields.items():
        if name == "attachments":
            continue
        if name == "clinical_answers" and value is not None:
            merged = {**row["clinical_answers"], **value}
            row[name] = {key: answer for key, answer in merged.items() if answer is not None}
        else:
            row[name] = _EMPTY.get(name) if value is None else value
    return row


def _submit(tx: Interaction, row: Json, *, was_draft: bool = False) -> Json:
    check_complete(tx, row)
    config = payer_config(tx)
    duplicate = _find_duplicate(tx, row)
    if duplicate is not None and config.duplicates == "refuse":
        raise Conflict(
            f"There is a request for this member and procedure on file: {name_on_file(duplicate)}, "
            f"{duplicate['state']}. It was not sent again; read that one, or withdraw it first."
        )
    if was_draft:
        tx.delete(DRAFTS, row["request_id"])
    row = moved(tx, row, life_cycle().by_trigger["draft", "submit"], "submitted")
    if config.authorization_number.given_with == "submission":
        row["auth_number"] = new_auth_number(tx)
    else:
        row["tracking_number"] = new_tracking_number(tx)
    row["status"], row["submitted_at"] = "submitted", tx.now_text
    row["duplicate_of"] = None if duplicate is None else duplicate["request_id"]
    return determination.on_submission(tx, row)


def name_on_file(row: Json) -> str:
    """Return how a case is named to whoever sent it again: its request id, and its number where it has one."""
    number = row["auth_number"] or row["tracking_number"]
    return str(row["request_id"]) + (f" ({number})" if number else "")


_CLOSED: Final = frozenset(
    {"denied", "withdrawn", "expired", "appeal_upheld", "external_review_upheld", "peer_to_peer_upheld"}
)


def _find_duplicate(tx: Interaction, row: Json) -> Json | None:
    """Return the latest open or approved request for the same member and procedure."""
    keys = index_of(tx.branch).asked(row["patient_member_id"], row["procedure_code"])
    same = [other for other in (tx.get(REQUESTS, key) for key in keys) if completed(other)["state"] not in _CLOSED]
    return max(same, key=lambda other: (other["submitted_at"], other["request_id"]), default=None)
