"""The rules of prior authorizations: from draft to determination.

A draft is a row of `portal/drafts`; submitting moves it to `portal/prior_auth_requests` under the
same `request_id` and gives it its `auth_number`. Must not know the wire.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from sandbox.errors import Conflict, Invalid, NotFound
from sandbox.jsonio import Json
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal import attachments, determination, identifiers
from sandbox.simulators.portal.bodies import Upload, invalid
from sandbox.simulators.portal.determination import REQUESTS, history_entry
from sandbox.simulators.portal.lifecycle import take
from sandbox.simulators.portal.validation import check_complete, check_fields

DRAFTS: Final = "portal/drafts"
_EMPTY: Final[dict[str, Json]] = {"diagnosis_codes": [], "clinical_answers": {}}


def create(tx: Interaction, fields: Json, uploads: Sequence[Upload], *, is_draft: bool) -> Json:
    """Save a new prior authorization, as a draft or submitted at once; return its row.

    `fields` holds what the caller sent, by name. Raises `Invalid` naming the fields.
    """
    row = _merge(
        {
            "request_id": tx.new_id("req"),
            "auth_number": None,
            "status": "draft",
            "submitted_at": None,
            "patient_member_id": None,
            "procedure_code": None,
            "diagnosis_codes": [],
            "provider_npi": None,
            "clinical_answers": {},
            "notes": None,
            "attachments": [],
            "created_at": tx.now_text,
            "updated_at": tx.now_text,
            "determination": None,
            "duplicate_of": None,
            "history": [history_entry(tx, "created")],
        },
        fields,
    )
    row = check_fields(tx, row)
    row = attachments.add(tx, row, uploads)
    if not is_draft:
        return _submit(tx, row)
    tx.put(DRAFTS, row["request_id"], row)
    return row


def find(tx: Interaction, name: str) -> Json:
    """Return the row with this request id or authorization number; raises `NotFound`."""
    row = tx.get(REQUESTS, name) or tx.get(DRAFTS, name) or find_named(tx, name)
    if row is None:
        raise NotFound(f'There is no prior authorization "{name[:100]}"; give a request_id or an auth_number.')
    return row


def find_named(tx: Interaction, name: str) -> Json | None:
    """Return the row whose request id or authorization number this is, however it is written, or None."""
    wanted = identifiers.normal(name)
    rows = (row for collection in (REQUESTS, DRAFTS) for _, row in tx.branch.items(collection))
    return next((row for row in rows if wanted in _names(row)), None)


def _names(row: Json) -> list[str]:
    return [identifiers.normal(row[field]) for field in ("request_id", "auth_number") if row[field] is not None]


def read(tx: Interaction, name: str) -> Json:
    """Return a row for its reader. The read counts: it may be the one a determination waits for."""
    row = find(tx, name)
    determination.count_read(tx, row["request_id"])
    return find(tx, row["request_id"])


def update(tx: Interaction, name: str, fields: Json, uploads: Sequence[Upload]) -> Json:
    """Change a draft, or answer `need_more_info`, which leads to a new determination.

    Raises `Conflict` when the row's state does not take it, `Invalid` naming the fields.
    """
    row = find(tx, name)
    transition = take(row, "update", fields)
    if not fields:
        raise Invalid("The body holds no field to change.")
    if transition.leads_to == "same":
        if "attachments" in fields and fields["attachments"] is None:
            row = attachments.remove_all(tx, row)
        row = check_fields(tx, _merge(row, fields))
        row = attachments.add(tx, row, uploads)
        row = _touched(tx, row, "updated", fields=sorted(fields))
        tx.put(DRAFTS, row["request_id"], row)
        return row
    empty = [field for field in fields if not fields[field]]
    if empty:
        raise invalid({field: ["Must not be empty: the payer asked for more information."] for field in empty})
    row = check_fields(tx, _merge(row, fields))
    check_complete(tx, row)
    row = attachments.add(tx, row, uploads)
    return determination.on_more_info(tx, _touched(tx, row, "more_info_supplied", fields=sorted(fields)))


def submit(tx: Interaction, name: str) -> Json:
    """Submit a draft; or, while more information is wanted, send in the attachments added since.

    Raises `Conflict` when it was submitted already, `Invalid` naming what is missing.
    """
    row = find(tx, name)
    if take(row, "submit").state == "draft":
        row = check_fields(tx, row)
        tx.delete(DRAFTS, row["request_id"])
        return _submit(tx, row)
    since_asked = [entry["action"] for entry in row["history"]]
    if "determined" in since_asked:
        since_asked = since_asked[len(since_asked) - since_asked[::-1].index("determined") :]
    if "attachments_added" not in since_asked:
        raise Conflict("Nothing was added since the payer asked for more information; PATCH it or attach a file first.")
    check_complete(tx, check_fields(tx, row))
    return determination.on_more_info(tx, _touched(tx, row, "more_info_supplied", fields=["attachments"]))


def attach(tx: Interaction, name: str, uploads: Sequence[Upload]) -> Json:
    """Add files to a draft or to a request that is not decided yet; return its row.

    Raises `Conflict` where its state takes none.
    """
    row = find(tx, name)
    take(row, "attach")
    row = attachments.add(tx, row, uploads)
    row = _touched(tx, row, "attachments_added", filenames=[item.filename for item in uploads])
    tx.put(DRAFTS if row["status"] == "draft" else REQUESTS, row["request_id"], row)
    return row


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


def _submit(tx: Interaction, row: Json) -> Json:
    check_complete(tx, row)
    row = {
        **_touched(tx, row, "submitted"),
        "auth_number": _new_auth_number(tx),
        "status": "submitted",
        "submitted_at": tx.now_text,
        "duplicate_of": _find_duplicate(tx, row),
    }
    return determination.on_submission(tx, row)


def _find_duplicate(tx: Interaction, row: Json) -> str | None:
    """Return the latest open or approved request for the same member and procedure."""
    same = [
        other
        for _, other in tx.branch.items(REQUESTS)
        if all(identifiers.is_same(name, other[name], row[name]) for name in ("patient_member_id", "procedure_code"))
        and other["determination"]["status"] != "denied"
    ]
    latest = max(same, key=lambda other: (other["submitted_at"], other["request_id"]), default=None)
    return None if latest is None else str(latest["request_id"])


def _new_auth_number(tx: Interaction) -> str:
    taken = {row["auth_number"] for _, row in tx.branch.items(REQUESTS)}
    while True:
        digest = hashlib.blake2b(tx.new_id("auth").encode(), digest_size=8).digest()
        number = f"PA{int.from_bytes(digest, 'big') % 10**10:010d}"
        if number not in taken:
            return number


def _touched(tx: Interaction, row: Json, action: str, **more: Json) -> Json:
    return {**row, "updated_at": tx.now_text, "history": [*row["history"], history_entry(tx, action, **more)]}
