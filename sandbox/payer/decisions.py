"""What the payer does with a case when somebody says so: a step of a scenario, or whoever plays the payer.

The terms are those of `config.Determination`. A decision takes the place of one that was still to come.
"""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from sandbox.jsonio import Json
from sandbox.payer import claims, determination, disputes
from sandbox.payer.case_rows import find
from sandbox.payer.config import APPROVAL_TERMS, PEND_TERMS, Code, Lines, Positive, Terms
from sandbox.payer.lifecycle import take_payers
from sandbox.payer.refusals import Refused
from sandbox.playground.playground import Interaction

DecisionName = Literal["review", "pend", "approve", "approve_partially", "deny", "uphold", "overturn", "offer_slots"]
_TERMS: Final = {
    "pend": PEND_TERMS,
    "approve": APPROVAL_TERMS,
    "approve_partially": APPROVAL_TERMS,
    "overturn": APPROVAL_TERMS,
    "deny": ("code",),
    "offer_slots": ("slots",),
}
_ALL_TERMS: Final = tuple(dict.fromkeys(name for names in _TERMS.values() for name in names))


class PayerDecision(Terms):
    """One decision of the payer and its terms."""

    decision: DecisionName
    reason: str | None = None
    code: Code | None = None
    documents: Lines = Field(default_factory=list)
    questions: Lines = Field(default_factory=list)
    due_seconds: Positive | None = None
    slots: Lines = Field(default_factory=list)

    @model_validator(mode="after")
    def _own_terms(self) -> Self:
        own = _TERMS.get(self.decision, ())
        for name in _ALL_TERMS:
            if getattr(self, name) not in (None, []) and name not in own:
                raise ValueError(f"{name} does not go with {self.decision}")
        if self.decision == "approve_partially" and self.units is None:
            raise ValueError("approve_partially needs units")
        return self


def decide(tx: Interaction, name: str, decision: PayerDecision) -> Json:
    """Make a decision of the payer on a case; return its row.

    Raises `Refused` where the case's state has no such decision: the message names those it has.
    """
    row = find(tx, name)
    take_payers(row, decision.decision)
    determination.forget(tx, row["request_id"])
    if decision.decision == "offer_slots":
        return disputes.offer_slots(tx, row, decision.slots)
    if decision.decision in ("uphold", "overturn"):
        return disputes.settle(tx, row, decision.decision, decision)
    return determination.answer(tx, row, decision.decision, decision)


def decide_claim_appeal(tx: Interaction, appeal_id: str, verdict: str, reason: str | None = None) -> Json:
    """Decide the appeal of a claim, `upheld` or `overturned`; return its row. Raises `Refused` for one that is over."""
    about = disputes.get_appeal(tx, appeal_id)
    if about["claim_number"] is None:
        raise Refused(appeal_id, about["status"], (), "it is of a prior authorization; decide that case.")
    if about["status"] != "under_review":
        raise Refused(appeal_id, about["status"], (), "it was decided.")
    determination.forget(tx, about["appeal_id"])
    return claims.settle(tx, about["appeal_id"], verdict, reason)
