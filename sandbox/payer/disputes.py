"""What follows a denial: appeals, an external review, a peer-to-peer call; and how the payer decides them.

An appeal is a row of `portal/appeals`; a call stands in its case, turn by turn. Must not know the wire.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sandbox.clock import format_instant, parse_instant
from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.payer import attachments
from sandbox.payer.attachments import Upload
from sandbox.payer.case_rows import find, keep, moved, set_timers
from sandbox.payer.config import Outcome, payer_config
from sandbox.payer.determination import Wait, authorize, forget, wait_for
from sandbox.payer.identifiers import normal
from sandbox.payer.lifecycle import name_of, possible_in, refused, take, take_payers, told_state
from sandbox.payer.refusals import POSSIBLE, Refused, invalid
from sandbox.playground.playground import Interaction

APPEALS: Final = "portal/appeals"
RATIONALE_CHARS: Final = 10_000
TURN_CHARS: Final = 4_000
_APPEALED: Final = {"appealed": "appeal", "external_review": "external_review"}


def appeal(tx: Interaction, name: str, rationale: str, uploads: Sequence[Upload] = ()) -> Json:
    """Appeal a denial, or the part that was not approved; return the case.

    Raises `Refused` where the state has no appeal or its day has passed, `Invalid` without a rationale.
    """
    return _dispute(tx, name, "appeal", rationale, uploads)


def request_external_review(tx: Interaction, name: str, rationale: str, uploads: Sequence[Upload] = ()) -> Json:
    """Ask for a review by somebody independent, after an appeal was upheld; return the case.

    Raises as `appeal` does.
    """
    return _dispute(tx, name, "external_review", rationale, uploads)


def _dispute(tx: Interaction, name: str, kind: str, rationale: str, uploads: Sequence[Upload]) -> Json:
    row = find(tx, name)
    config = payer_config(tx)
    transition = take(row, kind, config.offers)
    check_rationale(rationale)
    until = (row["denial"] or {}).get("appeal_until")
    if kind == "appeal" and until is not None and tx.now > parse_instant(until):
        possible = [call for call in possible_in(row, config.offers) if call != "appeal"]
        raise Refused(name_of(row), told_state(row), possible, f"it could be appealed until {until}; {POSSIBLE}")
    forget(tx, row["request_id"])
    document = new_appeal(tx, kind, rationale, {"request_id": row["request_id"]}, level=len(row["appeals"]) + 1)
    row = attachments.add(tx, row, uploads, appeal_id=document["appeal_id"])
    listed = row["attachments"][len(row["attachments"]) - len(uploads) :]
    tx.put(APPEALS, document["appeal_id"], {**document, "attachments": listed})
    action = "appealed" if kind == "appeal" else "external_review_requested"
    row = moved(tx, row, transition, action, appeal_id=document["appeal_id"])
    row = keep(tx, {**row, "appeals": [*row["appeals"], document["appeal_id"]]})
    set_timers(tx, row)
    rule = config.rule_for(row)
    spec = None if rule is None else rule.appeal if kind == "appeal" else rule.external_review
    return _await(tx, row, spec, rationale)


def check_rationale(rationale: str) -> None:
    """Raise `Invalid` for a rationale that says nothing, or too much."""
    if not rationale.strip():
        raise invalid({"rationale": ["Required: say why the decision is wrong."]})
    if len(rationale) > RATIONALE_CHARS:
        raise invalid({"rationale": [f"Longer than {RATIONALE_CHARS} characters."]})


def new_appeal(tx: Interaction, kind: str, rationale: str, of: Json, *, level: int) -> Json:
    """Return the row of an appeal; `of` says of which case or claim."""
    return {
        "appeal_id": tx.new_id("apl"),
        "kind": kind,
        "request_id": None,
        "claim_number": None,
        **of,
        "level": level,
        "status": "under_review",
        "rationale": rationale,
        "attachments": [],
        "filed_at": tx.now_text,
        "decided_at": None,
        "reason": None,
    }


def get_appeal(tx: Interaction, appeal_id: str) -> Json:
    """Return an appeal; raises `NotFound`."""
    wanted = normal(appeal_id)
    row = next((row for key, row in tx.branch.items(APPEALS) if normal(key) == wanted), None)
    if row is None:
        raise NotFound(f'There is no appeal "{appeal_id[:100]}".')
    return row


def request_peer_to_peer(tx: Interaction, name: str, phone: str | None = None, contact: str | None = None) -> Json:
    """Ask for a call with the payer's medical director; return the case, with slots where they are offered at once.

    Raises `Refused`.
    """
    row = find(tx, name)
    config = payer_config(tx)
    transition = take(row, "request_peer_to_peer", config.offers)
    forget(tx, row["request_id"])
    call: dict[str, Json] = {"requested_at": tx.now_text, "phone": phone, "contact": contact, "medical_director": None}
    call |= {"slots": [], "chosen": None, "turns": [], "ended_at": None, "outcome": None}
    row = keep(tx, {**moved(tx, row, transition, "peer_to_peer_requested"), "peer_to_peer": call})
    set_timers(tx, row)
    wait = Wait(config.peer_to_peer.offer_delay_seconds, None)
    if wait.is_over:
        return offer_slots(tx, row)
    wait_for(tx, row, wait, {"offer": True})
    return row


def offer_slots(tx: Interaction, row: Json, starts_at: Sequence[str] = ()) -> Json:
    """Store a case to which slots are offered: these, or those of the configuration; raises `Refused`."""
    config = payer_config(tx).peer_to_peer
    transition = take_payers(row, "offer_slots")
    starts = [parse_instant(text) for text in starts_at]
    if any(start <= tx.now for start in starts):
        raise invalid({"slots": ["A slot must be to come."]})
    starts = starts or [tx.now + timedelta(seconds=seconds) for seconds in sorted(config.slots_after_seconds)]
    length = timedelta(minutes=config.minutes)
    slots = [
        {"slot": number, "starts_at": format_instant(start), "ends_at": format_instant(start + length)}
        for number, start in enumerate(sorted(starts), 1)
    ]
    call = {**row["peer_to_peer"], "slots": slots, "medical_director": config.medical_director}
    row = keep(tx, {**moved(tx, row, transition, "peer_to_peer_offered"), "peer_to_peer": call})
    set_timers(tx, row)
    return row


def choose_slot(tx: Interaction, name: str, slot: int) -> Json:
    """Choose a slot, or another one, by its number; return the case. The one that is chosen already leaves it as it is.

    Raises `Refused`, `Invalid`.
    """
    row = find(tx, name)
    transition = take(row, "choose_slot", payer_config(tx).offers)
    call = row["peer_to_peer"]
    open_slots = [item for item in call["slots"] if parse_instant(item["starts_at"]) > tx.now]
    chosen = next((item for item in open_slots if item["slot"] == slot), None)
    if chosen is None:
        numbers = ", ".join(str(item["slot"]) for item in open_slots) or "none"
        raise invalid({"slot": [f"There is no slot {slot} to choose (there are: {numbers})."]})
    if chosen == call["chosen"]:
        return row
    row = moved(tx, row, transition, "peer_to_peer_slot_chosen", slot=slot, starts_at=chosen["starts_at"])
    row = keep(tx, {**row, "peer_to_peer": {**call, "chosen": chosen}})
    set_timers(tx, row)
    return row


def cancel_peer_to_peer(tx: Interaction, name: str) -> Json:
    """Call the peer-to-peer review off; the denial stands. Raises `Refused`."""
    row = find(tx, name)
    transition = take(row, "cancel_peer_to_peer", payer_config(tx).offers)
    forget(tx, row["request_id"])
    row = keep(tx, {**moved(tx, row, transition, "peer_to_peer_cancelled"), "peer_to_peer": None})
    set_timers(tx, row)
    return row


def begin_call(tx: Interaction, row: Json) -> Json:
    """Return the case with the call's first turn, the payer's."""
    return _said(tx, row, "payer", payer_config(tx).peer_to_peer.turns[0])


def speak(tx: Interaction, name: str, text: str) -> Json:
    """Say something in the call; return the case with the payer's next turn, or with the outcome after the last.

    Raises `Refused` where no call is held or it is over, `Invalid` for a text that is empty or too long.
    """
    row = find(tx, name)
    config = payer_config(tx)
    transition = take(row, "speak", config.offers)
    if row["peer_to_peer"]["ended_at"] is not None:
        raise refused(row, config.offers, "the call is over; its outcome is to come.")
    if not text.strip() or len(text) > TURN_CHARS:
        raise invalid({"text": [f"Must have 1 to {TURN_CHARS} characters."]})
    row = _said(tx, {**row, "state": transition.to, "updated_at": tx.now_text}, "provider", text)
    turns = row["peer_to_peer"]["turns"]
    told = sum(turn["speaker"] == "payer" for turn in turns)
    if told < len(config.peer_to_peer.turns):
        return keep(tx, _said(tx, row, "payer", config.peer_to_peer.turns[told]))
    row = keep(tx, {**row, "peer_to_peer": {**row["peer_to_peer"], "ended_at": tx.now_text}})
    set_timers(tx, row)
    rule = config.rule_for(row)
    spec = (rule.peer_to_peer if rule is not None else None) or Outcome(outcome="upheld")
    return _await(tx, row, spec, " ".join(turn["text"] for turn in turns if turn["speaker"] == "provider"))


def _said(tx: Interaction, row: Json, speaker: str, text: str) -> Json:
    call = row["peer_to_peer"]
    turn = {"speaker": speaker, "text": text, "at": tx.now_text}
    return {**row, "peer_to_peer": {**call, "turns": [*call["turns"], turn]}}


def _await(tx: Interaction, row: Json, spec: Outcome | None, words: str) -> Json:
    """Decide now, later, or never by itself; return the case."""
    if spec is None:
        return row
    decision = "overturn" if spec.is_overturned(words) else "uphold"
    wait = Wait.of(tx, spec)
    if wait.is_over:
        return settle(tx, row, decision, spec)
    wait_for(tx, row, wait, {"outcome": spec.to_json(), "decision": decision})
    return row


def settle(tx: Interaction, row: Json, decision: str, given: Any) -> Json:
    """Store a case whose appeal, external review or call is decided: uphold or overturn; return it.

    `given` holds the reason and, for what is overturned, for what the approval is good. Raises `Refused`.
    """
    transition = take_payers(row, decision)
    state, reason = row["state"], given.reason
    row = moved(tx, row, transition, transition.to, reason=reason)
    changes: dict[str, Json] = {}
    if decision == "overturn":
        row, authorization = authorize(tx, row, given)
        decided = {"status": "approved", "reason": reason, "decided_at": tx.now_text}
        changes = {"determination": decided, "denial": None, "authorization": authorization}
    verdict = "overturned" if decision == "overturn" else "upheld"
    if state in _APPEALED:
        about = tx.get(APPEALS, row["appeals"][-1])
        tx.put(
            APPEALS,
            about["appeal_id"],
            {**about, "status": verdict, "decided_at": tx.now_text, "reason": reason},
        )
    else:
        call = row["peer_to_peer"]
        changes["peer_to_peer"] = {**call, "outcome": verdict, "ended_at": call["ended_at"] or tx.now_text}
    row = keep(tx, {**row, **changes})
    set_timers(tx, row)
    return row


def decide_waiting(tx: Interaction, row: Json, waiting: Json) -> None:
    """Do what was waited for: offer slots, or decide."""
    if waiting.get("offer"):
        offer_slots(tx, row)
    else:
        settle(tx, row, waiting["decision"], Outcome.model_validate(waiting["outcome"]))
