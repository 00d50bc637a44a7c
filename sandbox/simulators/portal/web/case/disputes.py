"""Taking a case back, and what follows a denial: appeals, an external review, a peer-to-peer call."""

from collections.abc import Callable
from typing import Final

from sandbox.jsonio import Json
from sandbox.payer import attachments, cases, disputes
from sandbox.payer.lifecycle import possible_in, take
from sandbox.payer.refusals import invalid
from sandbox.playground.events import Response
from sandbox.simulators.portal.bodies import Appeal, PeerToPeerRequest, SlotChoice, Turn, Withdrawal, validated
from sandbox.simulators.portal.web.case.amend import FILES, LABELS, case_of
from sandbox.simulators.portal.web.forms import whole_number
from sandbox.simulators.portal.web.pages import SEEN, Handler, Visit, done_since, request_at
from sandbox.simulators.portal.web.shell import limits_text, render, see_other

_CALL_FIELDS: Final = ("do", "phone", "contact", "slot", "text", "turn", SEEN)


def show_withdraw(visit: Visit) -> Response:
    """`GET requests/{id}/withdraw`."""
    visit.filters()
    row = case_of(visit)
    take(row, "withdraw", visit.config.offers)
    return render(visit, "withdraw.html", row=row, labels={"reason": "Reason"})


def send_withdraw(visit: Visit) -> Response:
    """`POST requests/{id}/withdraw`."""
    visit.form.check(("reason", SEEN))
    row = case_of(visit)
    reason = validated(Withdrawal, {"reason": visit.form.text("reason") or None}).reason
    if all(entry["reason"] != reason for entry in done_since(row, visit.form.text(SEEN), ["withdrawn"])):
        row = cases.withdraw(visit.tx, row["request_id"], reason)
    return _done(visit, row, "withdrawn")


def disputing(call: str, action: str, done: str, heading: str, lead: str) -> tuple[Handler, Handler]:
    """Return the two handlers of a page that disputes a decision in writing."""
    file = {"appeal": disputes.appeal, "external_review": disputes.request_external_review}[call]

    def show(visit: Visit) -> Response:
        visit.filters()
        row = case_of(visit)
        take(row, call, visit.config.offers)
        told = limits_text(visit.config, len(row["attachments"]))
        labels = {"rationale": "Rationale", FILES: LABELS[FILES]}
        return render(visit, "appeal.html", row=row, heading=heading, lead=lead, limits=told, labels=labels)

    def send(visit: Visit) -> Response:
        visit.form.check(("rationale", FILES, SEEN))
        row = case_of(visit)
        if filed_before(visit, row, action) is None:
            if not visit.form.text("rationale"):
                disputes.check_rationale("")
            rationale = validated(Appeal, {"rationale": visit.form.text("rationale")}).rationale
            row = file(visit.tx, row["request_id"], rationale, visit.form.uploads(FILES))
        return _done(visit, row, done)

    return show, send


def filed_before(visit: Visit, of: Json, action: str) -> str | None:
    """Return the appeal of a case or claim that this very form filed already: one that was filed since the form was
    made, and says the same. None where there is none, whatever else was filed.
    """
    uploads = visit.form.uploads(FILES)
    for entry in done_since(of, visit.form.text(SEEN), [action]):
        about = disputes.get_appeal(visit.tx, entry["appeal_id"])
        is_same = about["rationale"] == visit.form.text("rationale") and len(about["attachments"]) == len(uploads)
        if is_same and not attachments.not_held(about, uploads):
            return str(about["appeal_id"])
    return None


def show_call(visit: Visit) -> Response:
    """`GET requests/{id}/peer-to-peer`: the call, from its request to its outcome."""
    visit.filters()
    row = case_of(visit)
    possible = possible_in(row, visit.config.offers)
    call = row["peer_to_peer"]
    if call is None:
        take(row, "request_peer_to_peer", visit.config.offers)
    slots = [] if call is None else [item for item in call["slots"] if item["starts_at"] > visit.tx.now_text]
    labels = {"phone": "Phone", "contact": "Clinician to be called", "slot": "Slot", "text": "What you say"}
    return render(visit, "peer_to_peer.html", row=row, call=call, slots=slots, possible=possible, labels=labels)


def send_call(visit: Visit) -> Response:
    """`POST requests/{id}/peer-to-peer`: what the button of its form says (`do`)."""
    visit.form.check(_CALL_FIELDS)
    row = case_of(visit)
    steps: dict[str, Callable[[Visit, Json], Json]] = {
        "request": _request,
        "slot": _choose,
        "say": _say,
        "cancel": _cancel,
    }
    step = steps.get(visit.form.text("do"))
    if step is None:
        raise invalid({"": ["The form does not say what to do; use one of its buttons."]})
    visit.wrote(step(visit, row))
    return see_other(visit.request, f"{request_at(row)}/peer-to-peer" if step is not _cancel else request_at(row))


def _request(visit: Visit, row: Json) -> Json:
    given = {name: visit.form.text(name) or None for name in ("phone", "contact")}
    call = row["peer_to_peer"] or {}
    is_again = done_since(row, visit.form.text(SEEN), ["peer_to_peer_requested"])
    if is_again and all(name in call and call[name] == value for name, value in given.items()):
        return row
    body = validated(PeerToPeerRequest, given)
    return disputes.request_peer_to_peer(visit.tx, row["request_id"], body.phone, body.contact)


def _choose(visit: Visit, row: Json) -> Json:
    number = whole_number(visit.form.text("slot"), "slot")
    if number is None:
        raise invalid({"slot": ["Choose a slot."]})
    chosen = (row["peer_to_peer"] or {}).get("chosen")
    if chosen is not None and chosen["slot"] == number:
        return row
    return disputes.choose_slot(visit.tx, row["request_id"], validated(SlotChoice, {"slot": number}).slot)


def _say(visit: Visit, row: Json) -> Json:
    text, turns = visit.form.text("text"), (row["peer_to_peer"] or {"turns": []})["turns"]
    number = whole_number(visit.form.text("turn"), "turn")
    if number is not None and number < len(turns) and turns[number]["text"] == text:
        return row
    if not text:
        raise invalid({"text": ["Write what you say."]})
    return disputes.speak(visit.tx, row["request_id"], validated(Turn, {"text": text}).text)


def _cancel(visit: Visit, row: Json) -> Json:
    if row["peer_to_peer"] is None and done_since(row, visit.form.text(SEEN), ["peer_to_peer_cancelled"]):
        return row
    return disputes.cancel_peer_to_peer(visit.tx, row["request_id"])


def _done(visit: Visit, row: Json, done: str) -> Response:
    visit.wrote(row)
    return see_other(visit.request, f"{request_at(row)}?done={done}")
