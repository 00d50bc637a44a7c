"""Claims and their appeals, for whoever asks for the provider.

A claim is a row of `portal/claims`, an appeal of it one of `portal/appeals`, with the appeals of cases. Must not know
the wire.
"""

from collections.abc import Sequence
from typing import Final

from sandbox.clock import parse_instant
from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.payer import attachments
from sandbox.payer.attachments import Upload
from sandbox.payer.config import ClaimAppealRule, payer_config
from sandbox.payer.determination import ACTION, WAITING, Wait
from sandbox.payer.disputes import APPEALS, check_rationale, new_appeal
from sandbox.payer.identifiers import is_same, normal
from sandbox.payer.plan_models import add, totals
from sandbox.payer.refusals import Refused
from sandbox.playground.playground import Interaction

CLAIMS: Final = "portal/claims"
APPEALABLE: Final = frozenset({"denied", "partially_paid"})


def get_claim(tx: Interaction, claim_number: str) -> Json:
    """Return a claim; raises `NotFound`."""
    row = tx.get(CLAIMS, claim_number)
    if row is None:
        wanted = normal(claim_number)
        row = next((row for key, row in tx.branch.items(CLAIMS) if normal(key) == wanted), None)
    if row is None:
        raise NotFound(f'There is no claim "{claim_number[:100]}".')
    return row


def appeal_claim(tx: Interaction, claim_number: str, rationale: str, uploads: Sequence[Upload] = ()) -> Json:
    """Appeal a claim that was denied, or in part; return the appeal's row.

    Raises `Refused` as `check_appealable` does, `Invalid` without a rationale.
    """
    claim = get_claim(tx, claim_number)
    check_appealable(tx, claim)
    number = claim["claim_number"]
    check_rationale(rationale)
    about = new_appeal(tx, "claim", rationale, {"claim_number": number}, level=1)
    about = attachments.add(tx, about, uploads, appeal_id=about["appeal_id"])
    appeal_id = about["appeal_id"]
    tx.put(APPEALS, appeal_id, about)
    _note(tx, {**claim, "appeals": [*claim["appeals"], appeal_id]}, "appealed", appeal_id=appeal_id)
    rule = _rule_for(payer_config(tx).claim_appeals, claim)
    if rule is None:
        return about
    decision = "overturned" if rule.is_overturned(rationale) else "upheld"
    wait = Wait.of(tx, rule)
    if wait.is_over:
        return settle(tx, appeal_id, decision, rule.reason)
    due = None
    if wait.seconds > 0:
        due = tx.schedule(ACTION, {"request_id": appeal_id, "round": 0}, after_s=wait.seconds)
    waiting = {"round": 0, "due": due, "reads_left": wait.reads, "claim": number}
    tx.put(WAITING, appeal_id, {**waiting, "appeal_id": appeal_id, "decision": decision, "reason": rule.reason})
    return about


def check_appealable(tx: Interaction, claim: Json) -> None:
    """Raise `Refused` for a claim that cannot be appealed now: it was not denied, not even in part, its day has passed,
    or it was appealed already. There is one level of appeal.
    """
    number, status = claim["claim_number"], claim["status"]
    open_appeal = next((key for key in claim["appeals"] if tx.get(APPEALS, key)["status"] == "under_review"), None)
    if open_appeal is not None:
        raise Refused(number, status, (), f"an appeal of it is under review ({open_appeal}); wait for its outcome.")
    if status not in APPEALABLE:
        raise Refused(number, status, (), "only a claim that was denied, or in part, can be appealed.")
    if claim["appeals"]:
        last = claim["appeals"][-1]
        verdict = tx.get(APPEALS, last)["status"]
        raise Refused(
            number, status, (), f"its appeal was {verdict} ({last}); a claim is appealed once, that is final."
        )
    until = claim["appeal_until"]
    if until is not None and tx.now > parse_instant(until):
        raise Refused(number, status, (), f"it could be appealed until {until}; that is final.")


def _rule_for(rules: Sequence[ClaimAppealRule], claim: Json) -> ClaimAppealRule | None:
    carcs = {item["carc"] for line in claim["lines"] for item in line["adjustments"] if line["status"] == "denied"}
    for rule in rules:
        is_claim = rule.claim_number is None or is_same("claim_number", rule.claim_number, claim["claim_number"])
        if is_claim and (rule.carc is None or rule.carc in carcs):
            return rule
    return None


def settle(tx: Interaction, appeal_id: str, decision: str, reason: str | None) -> Json:
    """Decide the appeal of a claim: upheld, or overturned and paid; return the appeal's row."""
    about = {**tx.get(APPEALS, appeal_id), "status": decision, "decided_at": tx.now_text, "reason": reason}
    tx.put(APPEALS, appeal_id, about)
    claim = get_claim(tx, about["claim_number"])
    if decision == "overturned":
        lines = [_paid(line) for line in claim["lines"]]
        claim = {**claim, "status": "paid", "lines": lines, **totals(lines), "finalized_at": tx.now_text}
        claim["appeal_until"] = None
    _note(tx, claim, f"appeal_{decision}", appeal_id=appeal_id, reason=reason)
    return about


def _paid(line: Json) -> Json:
    """Return a denied line as it is paid: what is allowed of it, the rest an adjustment by contract (CO 45)."""
    if line["status"] != "denied":
        return line
    paid = line["charge"] if line["allowed"] is None else min(line["allowed"], line["charge"])
    rest = add([line["charge"], -paid])
    adjustments = [{"group": "CO", "carc": "45", "amount": rest}] if rest else []
    return {**line, "status": "paid", "allowed": paid, "paid": paid, "adjustments": adjustments, "rarc": []}


def _note(tx: Interaction, claim: Json, action: str, **more: Json) -> None:
    entry = {"at": tx.now_text, "action": action, **more}
    tx.put(CLAIMS, claim["claim_number"], {**claim, "history": [*claim["history"], entry]})


def decide_waiting(tx: Interaction, waiting: Json) -> None:
    """Decide the appeal that was waited for."""
    settle(tx, waiting["appeal_id"], waiting["decision"], waiting["reason"])
