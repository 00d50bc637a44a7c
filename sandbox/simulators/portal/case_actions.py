"""The scenario steps by which the payer acts: `advance_case`, `deny_case`, `request_documents`, `decide_claim_appeal`.

A case is named by `request_id` or `auth_number`, else it is the latest of that `patient_member_id` (and
`procedure_code`), since its id is not known when a scenario is written. A step that the case's state does not allow
fails, and says which decisions it allows.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sandbox.definitions.assertions import StrictModel
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.payer import identifiers
from sandbox.payer.case_rows import REQUESTS, find
from sandbox.payer.claims import get_claim
from sandbox.payer.config import Code, Lines, Positive
from sandbox.payer.decisions import PayerDecision, decide, decide_claim_appeal
from sandbox.payer.disputes import get_appeal
from sandbox.playground.playground import Interaction

Name = Annotated[str, Field(min_length=1, max_length=64)]


class CaseNamed(StrictModel):
    """Which case is meant."""

    request_id: Name | None = None
    auth_number: Name | None = None
    patient_member_id: Name | None = None
    procedure_code: Name | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if not (self.request_id or self.auth_number or self.patient_member_id):
            raise ValueError("give request_id, auth_number, or patient_member_id (and procedure_code)")
        return self


class AdvanceCase(CaseNamed, PayerDecision):
    """Arguments of `advance_case`: the case, the decision and its terms."""


class DenyCase(CaseNamed):
    """Arguments of `deny_case`."""

    reason: str | None = None
    code: Code | None = None


class RequestDocuments(CaseNamed):
    """Arguments of `request_documents`: what is wanted, and by when."""

    documents: Lines = Field(default_factory=list)
    questions: Lines = Field(default_factory=list)
    due_seconds: Positive | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not (self.documents or self.questions):
            raise ValueError("give documents or questions")
        return self


class DecideClaimAppeal(StrictModel):
    """Arguments of `decide_claim_appeal`: the claim whose latest appeal is decided."""

    claim_number: Name
    verdict: Literal["upheld", "overturned"]
    reason: str | None = None


def find_case(tx: Interaction, named: CaseNamed) -> Json:
    """Return the case that is meant; raises `Invalid` where none is on file."""
    for name in (named.request_id, named.auth_number):
        if name is not None:
            return find(tx, name)
    wanted = {name: getattr(named, name) for name in ("patient_member_id", "procedure_code")}
    rows = [
        row
        for _, row in tx.branch.items(REQUESTS)
        if all(value is None or identifiers.is_same(name, row[name], value) for name, value in wanted.items())
    ]
    found = max(rows, key=lambda row: (row["created_at"], row["request_id"]), default=None)
    if found is None:
        told = ", ".join(f"{name} {value}" for name, value in wanted.items() if value is not None)
        raise Invalid(f"No submitted prior authorization has {told}.")
    return found


def advance_case(tx: Interaction, arguments: AdvanceCase) -> None:
    """Make a decision of the payer; raises `Refused` where the case's state has no such decision."""
    terms = arguments.model_dump(include=set(PayerDecision.model_fields), exclude_unset=True)
    decide(tx, find_case(tx, arguments)["request_id"], PayerDecision.model_validate(terms))


def deny_case(tx: Interaction, arguments: DenyCase) -> None:
    """Deny a case; raises `Refused`."""
    decision = PayerDecision(decision="deny", reason=arguments.reason, code=arguments.code)
    decide(tx, find_case(tx, arguments)["request_id"], decision)


def request_documents(tx: Interaction, arguments: RequestDocuments) -> None:
    """Ask for more information; raises `Refused`."""
    decision = PayerDecision(
        decision="pend",
        documents=arguments.documents,
        questions=arguments.questions,
        due_seconds=arguments.due_seconds,
        reason=arguments.reason,
    )
    decide(tx, find_case(tx, arguments)["request_id"], decision)


def decide_appeal(tx: Interaction, arguments: DecideClaimAppeal) -> None:
    """Decide the latest appeal of a claim; raises `Refused` for one that is over, `Invalid` where there is none."""
    claim = get_claim(tx, arguments.claim_number)
    if not claim["appeals"]:
        raise Invalid(f"The claim {claim['claim_number']} was not appealed.")
    appeal_id = get_appeal(tx, claim["appeals"][-1])["appeal_id"]
    decide_claim_appeal(tx, appeal_id, arguments.verdict, arguments.reason)
