"""What a 278 does with the payer's case: it opens one, asks after one, changes, cancels, sends again or appeals it.

As any other door does it: the rules are the payer's. Must not know how the answer is written.
"""

from collections.abc import Callable
from typing import Final

from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.payer import cases, identifiers, review
from sandbox.payer.case_rows import REQUESTS
from sandbox.payer.review import UnknownCase, Verdict
from sandbox.playground.playground import Interaction
from sandbox.simulators.x12.transactions.services_asked import Asked

Deed = Callable[[Interaction, Asked], Json]
# What the payer calls each change, and how a 278 says it.
CALLS: Final = {
    "update": "UM02 S",
    "withdraw": "UM02 3",
    "resubmit": "UM02 N",
    "appeal": "UM02 1 or 2",
    "attach": "an attachment at the portal",
    "submit": "handing it in at the portal",
}


class NoCase(Exception):
    """There is nothing to decide here; the verdict says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.text)
        self.verdict = verdict


def do_asked(tx: Interaction, asked: Asked) -> Json:
    """Do what UM02 says. Raises `SandboxError`."""
    given = {name: value for name, value in asked.fields.items() if value not in (None, [], {})}
    notes = asked.fields["notes"]
    match asked.certification:
        case review.INITIAL:
            verdict = review.find_verdict(tx, asked.fields["procedure_code"], asked.fields["patient_member_id"])
            if verdict is not None:
                raise NoCase(verdict)
            return cases.create(tx, given, [], is_draft=False)
        case review.REVISED:
            return review.revise(tx, _named(tx, asked), given)
        case review.CANCEL:
            return review.cancel(tx, _named(tx, asked), notes)
        case review.AGAIN:
            return review.send_again(tx, _named(tx, asked), given)
        case certification if certification in review.APPEALS:
            return review.appeal(tx, _named(tx, asked), notes)
    raise Invalid(
        f"UM02 {asked.certification} is not taken here: I opens a case, S changes it, 3 cancels it, N sends it again, "
        "1 or 2 appeals."
    )


def ask_after(tx: Interaction, asked: Asked) -> Json:
    """Return the case that is asked after: by its number, or the newest for the member and procedure."""
    if asked.numbers:
        return cases.read(tx, _named(tx, asked)["request_id"])
    code = asked.fields["procedure_code"]
    found = [
        row
        for _, row in tx.branch.items(REQUESTS)
        if row["patient_member_id"] == asked.fields["patient_member_id"]
        and (code is None or identifiers.is_same("procedure_code", code, row["procedure_code"]))
    ]
    newest = max(found, key=lambda row: (row["submitted_at"], row["request_id"]), default=None)
    if newest is None:
        raise UnknownCase("there is no authorization on file for this member and procedure")
    return cases.read(tx, newest["request_id"])


def _named(tx: Interaction, asked: Asked) -> Json:
    """Return the case that REF names, of this member."""
    where = "REF*BB (authorization number) or REF*NT (tracking number or request id)"
    return review.find_case(tx, asked.fields["patient_member_id"], asked.numbers, where)
