"""What the payer decides, and when: rules as data, delays on the playground's clock or by reads.

A decision that is still to come is a row of `portal/_waiting`; one that follows the answer to
`need_more_info` is a row of `portal/_after_more_info`. Both are bookkeeping.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sandbox.clock import format_instant
from sandbox.definitions.assertions import StrictModel
from sandbox.jsonio import Json
from sandbox.payer.case_rows import REQUESTS, keep, later, moved, set_timers, terms
from sandbox.payer.config import Determination, Outcome, payer_config
from sandbox.payer.lifecycle import take_payers
from sandbox.payer.numbers import new_auth_number
from sandbox.playground.playground import Interaction

WAITING: Final = "portal/_waiting"
AFTER_MORE_INFO: Final = "portal/_after_more_info"
ACTION: Final = "portal.determine"
SEEDED_READS: Final = 3
_DECISIONS: Final[Mapping[str, str]] = {
    "approved": "approve",
    "denied": "deny",
    "need_more_info": "pend",
    "under_review": "review",
}


class DetermineArguments(StrictModel):
    """Which decision falls due: the request, and the round it was scheduled in."""

    request_id: str
    round: int


@dataclass(frozen=True, slots=True)
class Wait:
    """A decision that is waited for: after so many seconds, or with that read, whichever comes first."""

    seconds: float
    reads: int | None

    @classmethod
    def of(cls, tx: Interaction, spec: Determination | Outcome) -> "Wait":
        """Return the wait of a rule; in a seeded run, whose clock only steps, a delay also falls due by reads."""
        reads = spec.delay_reads
        if tx.is_seeded and spec.delay_seconds > 0 and reads is None:
            reads = SEEDED_READS
        return cls(spec.delay_seconds, reads)

    @property
    def is_over(self) -> bool:
        """Whether nothing is waited for."""
        return not self.seconds and self.reads is None


def pending(reason: str | None = None) -> Json:
    """Return the determination of a request that waits."""
    return {"status": "pending", "reason": reason, "decided_at": None}


def on_submission(tx: Interaction, row: Json) -> Json:
    """Store a submitted row with what the first matching rule says; return the row."""
    return _begin(tx, row, payer_config(tx).determination_for(row))


def on_resubmission(tx: Interaction, row: Json) -> Json:
    """Store a row that was sent again: the rule's `resubmission`, else what is said to any new request."""
    config = payer_config(tx)
    rule = config.rule_for(row)
    again = rule.resubmission if rule is not None else None
    return _begin(tx, row, again or config.determination_for(row))


def on_more_info(tx: Interaction, row: Json) -> Json:
    """Store a row whose missing information came; the rule's `after_more_info`, else the default."""
    following = tx.get(AFTER_MORE_INFO, row["request_id"])
    tx.delete(AFTER_MORE_INFO, row["request_id"])
    default = payer_config(tx).default_determination
    return _begin(tx, row, default if following is None else Determination.of_json(following))


def _begin(tx: Interaction, row: Json, spec: Determination, *, is_following: bool = False) -> Json:
    set_timers(tx, row)
    wait = Wait.of(tx, spec)
    if wait.is_over:
        return _decide(tx, row, spec)
    wait_for(tx, row, wait, {"determination": spec.to_json()})
    # A step of a path leaves what the step before it said in force.
    return keep(tx, row if is_following else {**row, "determination": pending()})


def wait_for(tx: Interaction, row: Json, wait: Wait, what: Json) -> None:
    """Let a decision be made later."""
    request_id, number = row["request_id"], len(row["history"])
    due = None
    if wait.seconds > 0:
        due = tx.schedule(ACTION, {"request_id": request_id, "round": number}, after_s=wait.seconds)
    tx.put(WAITING, request_id, {"round": number, "due": due, "reads_left": wait.reads, **what})


def _decide(tx: Interaction, row: Json, spec: Determination) -> Json:
    request_id = row["request_id"]
    if spec.status == "pending":
        row = keep(tx, {**row, "updated_at": tx.now_text, "determination": pending(spec.reason)})
    else:
        row = answer(tx, row, _DECISIONS[spec.status], spec)
    following = spec.after_more_info or spec.following
    if following is None:
        return row
    if spec.status == "need_more_info":
        tx.put(AFTER_MORE_INFO, request_id, following.to_json())
        return row
    return _begin(tx, row, following, is_following=True)


def answer(tx: Interaction, row: Json, decision: str, spec: Any) -> Json:
    """Store a row with a decision of the payer: review, pend, approve, approve_partially, deny; return the row.

    `spec` holds its terms, as `config.Determination` names them. Units fewer than those that were requested make an
    approval a partial one. Raises `Refused` where the state has no such decision.
    """
    if decision == "approve" and _is_partial(row, spec):
        decision = "approve_partially"
    transition = take_payers(row, decision)
    status = {"review": "pending", "pend": "need_more_info", "deny": "denied"}.get(decision, "approved")
    if decision == "review":
        changes: dict[str, Json] = {"determination": pending(spec.reason), "wanted": None}
        row = moved(tx, row, transition, "review_begun")
    else:
        more = {"code": spec.code} if spec.code is not None else {}
        row = moved(tx, row, transition, "determined", status=status, reason=spec.reason, **more)
        changes = {"determination": {"status": status, "reason": spec.reason, "decided_at": tx.now_text}}
        changes |= {"wanted": None, "denial": None, "authorization": None}
    if decision == "pend":
        due_at = None if spec.due_seconds is None else later(tx, spec.due_seconds)
        changes["wanted"] = {"documents": list(spec.documents), "questions": list(spec.questions), "due_at": due_at}
    elif decision == "deny":
        changes["denial"] = denial(tx, spec.reason, spec.code)
    elif status == "approved":
        row, changes["authorization"] = authorize(tx, row, spec)
    row = keep(tx, {**row, **changes})
    set_timers(tx, row)
    return row


def _is_partial(row: Json, spec: Any) -> bool:
    return spec.units is not None and row["units"] is not None and spec.units < row["units"]


def denial(tx: Interaction, reason: str | None, code: str | None) -> Json:
    """Return what a case holds of its denial: why, and until when it can be appealed."""
    days = payer_config(tx).appeals.within_days
    until = None if days is None else format_instant(tx.now + timedelta(days=days))
    return {"code": code, "reason": reason, "appeal_until": until, "closed_at": None}


def authorize(tx: Interaction, row: Json, given: Any) -> tuple[Json, Json]:
    """Return the row, with its authorization number where it has none and it comes now, and what it is good for."""
    found = terms(tx, given)
    number = payer_config(tx).authorization_number
    if row["auth_number"] is None:
        if number.delay_seconds:
            found["number_due_at"] = later(tx, number.delay_seconds)
        else:
            row = {**row, "auth_number": new_auth_number(tx)}
    return row, found


def determine(tx: Interaction, arguments: Any) -> Json | None:
    """Make the decision that fell due and return the row; None when another one has taken its place.

    Only for determinations; `disputes.fall_due` knows the others, and calls this.
    """
    waiting = tx.get(WAITING, arguments.request_id)
    row = tx.get(REQUESTS, arguments.request_id)
    if waiting is None or row is None or waiting["round"] != arguments.round:
        return None
    tx.delete(WAITING, arguments.request_id)
    return _decide(tx, row, Determination.of_json(waiting["determination"]))


def forget(tx: Interaction, request_id: str) -> None:
    """Drop every decision still to come: something else has decided."""
    waiting = tx.get(WAITING, request_id)
    if waiting is not None and waiting["due"] is not None:
        tx.unschedule(waiting["due"])
    tx.delete(WAITING, request_id)
    tx.delete(AFTER_MORE_INFO, request_id)
