"""A case as a row: what it holds, how it moves on in the table, and the dates of it that the clock reaches.

A draft is a row of `portal/drafts`, what was submitted one of `portal/prior_auth_requests`, under the same
`request_id`. What is still to come of a case by itself stands in `portal/_timers`, by the name of what it waits for, so
that nothing of a state outlives it. Must not know which decisions are made.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal

from sandbox.clock import format_instant, parse_instant
from sandbox.definitions.assertions import StrictModel
from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.payer import case_index
from sandbox.payer.case_index import index_of
from sandbox.payer.config import payer_config
from sandbox.payer.lifecycle import Transition
from sandbox.playground.playground import Interaction

REQUESTS: Final = case_index.REQUESTS
DRAFTS: Final = case_index.DRAFTS
TIMERS: Final = "portal/_timers"
ASKED: Final = "portal/_asked"
"""What the payer had asked for of a case and does not wait for any more, by request id; kept where FHIR shows it."""
DATED: Final = "portal/_dated"
"""Which requests of the seed have dates, by their ids."""
LAPSE: Final = "portal.lapse"
WATCHED: Final = "portal/_watched"
CHANGED: Final = "portal/_changed"
NOTE: Final = "portal.note_case"
AUTHORIZED: Final = frozenset(
    {"approved", "partially_approved", "appeal_overturned", "external_review_overturned", "peer_to_peer_overturned"}
)
ANSWERED: Final = "more_info_supplied"
Deadline = Literal["lapse", "number"]


class LapseArguments(StrictModel):
    """Which date of which case is reached: the end of its present state, or the day of its number."""

    request_id: str
    what: Deadline


def new_row(tx: Interaction) -> Json:
    """Return an empty draft."""
    return {
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
        **blank("draft"),
        "history": [history_entry(tx, "created", state="draft")],
    }


def blank(state: str) -> dict[str, Json]:
    """Return what a case holds besides, before anything was decided."""
    return {
        "state": state,
        "tracking_number": None,
        "units": None,
        "service_date": None,
        "wanted": None,
        "authorization": None,
        "denial": None,
        "peer_to_peer": None,
        "appeals": [],
    }


def history_entry(tx: Interaction, action: str, **more: Json) -> Json:
    """Make one line of a case's history."""
    return {"at": tx.now_text, "action": action, **more}


def touched(tx: Interaction, row: Json, action: str, **more: Json) -> Json:
    """Return the row with one more line of history."""
    return {**row, "updated_at": tx.now_text, "history": [*row["history"], history_entry(tx, action, **more)]}


def moved(tx: Interaction, row: Json, transition: Transition, action: str, **more: Json) -> Json:
    """Return the row in the state that a transition leads to, with a line of history that says so."""
    note_asked(tx, row, transition.on, is_answered=action == ANSWERED)
    return {**touched(tx, row, action, state=transition.to, **more), "state": transition.to}


def note_asked(tx: Interaction, row: Json, ended_by: str, *, is_answered: bool = False) -> None:
    """Note what was wanted of a row that is about to leave its state: answered, or not wanted any more, and by what."""
    if row["state"] != "pended" or row["wanted"] is None or not payer_config(tx).fhir:
        return
    decision = row["determination"]
    asked = {**row["wanted"], "reason": decision["reason"], "asked_at": decision["decided_at"]}
    ended = {"is_answered": is_answered, "ended_by": ended_by, "ended_at": tx.now_text}
    before = (tx.get(ASKED, row["request_id"]) or {"rounds": []})["rounds"]
    tx.put(ASKED, row["request_id"], {"rounds": [*before, {**asked, **ended}]})


def keep(tx: Interaction, row: Json) -> Json:
    """Store a row; return it. While somebody is to be told of cases, a step of its own follows at once."""
    request_id, is_draft = row["request_id"], row["status"] == "draft"
    tx.put(DRAFTS if is_draft else REQUESTS, request_id, row)
    if not is_draft and not tx.branch.is_empty(WATCHED) and tx.get(CHANGED, request_id) is None:
        tx.put(CHANGED, request_id, {})
        tx.schedule(NOTE, {"request_id": request_id}, after_s=0)
    return row


def find(tx: Interaction, name: str) -> Json:
    """Return the case with this request id, authorization or tracking number; raises `NotFound`."""
    row = tx.get(REQUESTS, name) or tx.get(DRAFTS, name) or find_named(tx, name)
    if row is None:
        raise NotFound(f'There is no prior authorization "{name[:100]}"; give a request_id or an auth_number.')
    return completed(row)


def find_by_id(tx: Interaction, request_id: str) -> Json | None:
    """Return the case of a request id as it is written, or None."""
    row = tx.get(REQUESTS, request_id) or tx.get(DRAFTS, request_id)
    return None if row is None else completed(row)


def completed(row: Json) -> Json:
    """Return a row with what rows did not have when earlier versions of the server wrote them."""
    return row if "service_date" in row else {**blank(row.get("state") or plain_state(row)), **row}


def plain_state(row: Json) -> str:
    """Return the state that follows from what a request's `status` and determination say.

    >>> plain_state({"status": "draft", "determination": None})
    'draft'
    >>> plain_state({"status": "submitted", "determination": {"status": "need_more_info"}})
    'pended'
    """
    if row["status"] == "draft":
        return "draft"
    answered = str(row["determination"]["status"])
    return {"pending": "submitted", "need_more_info": "pended"}.get(answered, answered)


def find_named(tx: Interaction, name: str) -> Json | None:
    """Return the case whose request id or number this is, however it is written, or None."""
    place = index_of(tx.branch).named(name)
    return None if place is None else completed(tx.get(*place))


def set_timers(tx: Interaction, row: Json) -> None:
    """Wait for what the row's state ends with, and for nothing that an earlier state waited for."""
    stop_timers(tx, row["request_id"])
    timers = {}
    for what, at in dates_of(row, payer_config(tx).draft_days):
        after_s = max(0.0, (at - tx.now) / timedelta(seconds=1))
        timers[what] = tx.schedule(LAPSE, {"request_id": row["request_id"], "what": what}, after_s=after_s)
    if timers:
        tx.put(TIMERS, row["request_id"], timers)


def stop_timers(tx: Interaction, request_id: str) -> None:
    """Wait for nothing more of a case by itself."""
    for key in (tx.get(TIMERS, request_id) or {}).values():
        tx.unschedule(key)
    tx.delete(TIMERS, request_id)


def take_timer(tx: Interaction, request_id: str, what: str) -> bool:
    """Drop a timer that is over; return whether it was still waited for."""
    timers = dict(tx.get(TIMERS, request_id) or {})
    if timers.pop(what, None) is None:
        return False
    if timers:
        tx.put(TIMERS, request_id, timers)
    else:
        tx.delete(TIMERS, request_id)
    return True


def dates_of(row: Json, draft_days: int | None = None) -> Iterator[tuple[Deadline, datetime]]:
    """Yield the dates that end the row's state, or bring something in it: the `after` of the table.

    A date may be past: then what it brings is to happen still. `draft_days` is for how long drafts are kept.
    """
    state = row["state"]
    end: datetime | None = None
    if state == "draft":
        end = None if draft_days is None else parse_instant(row["created_at"]) + timedelta(days=draft_days)
    elif state == "pended":
        end = _instant((row["wanted"] or {}).get("due_at"))
    elif state in AUTHORIZED:
        end = end_of_day((row["authorization"] or {}).get("valid_to"))
        due = _instant((row["authorization"] or {}).get("number_due_at"))
        if due is not None and row["auth_number"] is None:
            yield "number", due
    elif state in ("denied", "peer_to_peer_upheld"):
        denial = row["denial"] or {}
        end = _instant(denial.get("appeal_until")) if denial.get("closed_at") is None else None
    elif state == "peer_to_peer_offered":
        end = max(parse_instant(slot["starts_at"]) for slot in row["peer_to_peer"]["slots"])
    elif state == "peer_to_peer_chosen":
        end = parse_instant(row["peer_to_peer"]["chosen"]["starts_at"])
    elif state == "peer_to_peer_held":
        # A call that was held to its end waits for its outcome alone.
        is_over = row["peer_to_peer"]["ended_at"] is not None
        end = None if is_over else parse_instant(row["peer_to_peer"]["chosen"]["ends_at"])
    if end is not None:
        yield "lapse", end


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def end_of_day(text: str | None) -> datetime | None:
    """Return the first instant after a day, in UTC; None for none.

    >>> end_of_day("2026-04-30").isoformat()
    '2026-05-01T00:00:00+00:00'
    """
    if text is None:
        return None
    return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC)


def later(tx: Interaction, seconds: float) -> str:
    """Return a time from now, as it is written."""
    return format_instant(tx.now + timedelta(seconds=seconds))


def terms(tx: Interaction, given: Any) -> Json:
    """Return for what an approval is good, `given` what a rule or the payer says of it (`config.Terms`)."""
    start = given.valid_from or tx.now.date()
    end = given.valid_to
    if given.valid_days is not None:
        end = start + timedelta(days=given.valid_days - 1)
    return {
        "units": given.units,
        "valid_from": str(start),
        "valid_to": None if end is None else str(end),
        "number_due_at": None,
    }


def comparable(row: Json) -> Json:
    """Return what a case says, less how often it was saved on the way, and the time at which its number is to come.

    >>> comparable({"history": [{"action": "created"}, {"action": "updated"}], "authorization": None})
    {'history': [{'action': 'created'}], 'authorization': None}
    """
    history = [entry for entry in row["history"] if entry["action"] != "updated"]
    found = {**row, "history": history}
    if row["authorization"] is not None:
        found["authorization"] = {k: v for k, v in row["authorization"].items() if k != "number_due_at"}
    return found
