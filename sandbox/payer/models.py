"""The rows a portal begins with: members, providers, formulary, questionnaires, earlier requests.

They are the schema of `portal.yaml` and of the `set_portal` scenario step. Must not know files.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from sandbox.clock import format_instant
from sandbox.definitions.assertions import StrictModel
from sandbox.jsonio import Json
from sandbox.payer.case_rows import plain_state
from sandbox.payer.config import Code, DeterminationStatus, Lines, Units
from sandbox.payer.identifiers import (
    FIELDS,
    DiagnosisCode,
    Identifier,
    Ndc,
    Npi,
    ProcedureCode,
    ProcedureOrDrugCode,
    normal,
)

Text = Annotated[str, Field(min_length=1, max_length=500)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Key = Annotated[str, Field(min_length=1, max_length=64)]


CaseState = Literal[
    "draft",
    "submitted",
    "resubmitted",
    "under_review",
    "pended",
    "approved",
    "partially_approved",
    "denied",
    "withdrawn",
    "expired",
]
# What the payer has answered in a state; in the others anything.
_ANSWERED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("submitted", "resubmitted", "under_review"), "pending"),
    **dict.fromkeys(("approved", "partially_approved"), "approved"),
    "pended": "need_more_info",
    "denied": "denied",
}


class Coverage(StrictModel):
    """Whether and when a member is covered; both days included."""

    status: Literal["active", "inactive"]
    start: date
    end: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end is not None and self.end < self.start:
            raise ValueError("coverage ends before it starts")
        return self


class Patient(StrictModel):
    """A member of the plan."""

    member_id: Identifier
    first_name: Text
    last_name: Text
    birth_date: date
    gender: Literal["male", "female", "other", "unknown"]
    plan: Text
    group_number: Text | None = None
    coverage: Coverage
    phone: Text | None = None
    address: Text | None = None


class Provider(StrictModel):
    """Someone who may request an authorization."""

    npi: Npi
    name: Text
    specialty: Text | None = None
    organization: Text | None = None
    phone: Text | None = None
    fax: Text | None = None
    credentialed: bool = True


class FormularyDrug(StrictModel):
    """What the plan says about a drug."""

    drug: Name
    rxnorm: Identifier | None = None
    ndc: Ndc | None = None
    procedure_code: ProcedureCode | None = None
    tier: int = Field(ge=1, le=6)
    pa_required: bool = False
    step_therapy: bool = False
    quantity_limit: Text | None = None
    alternatives: list[Text] = Field(default_factory=list)


class Answered(StrictModel):
    """What an answer is: this, one of these, or a number (or date) within bounds."""

    equals: Any = None
    one_of: list[Any] | None = None
    min: int | float | str | None = None
    max: int | float | str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = {name for name in Answered.model_fields if getattr(self, name) is not None}
        if not given or (len(given) > 1 and given != {"min", "max"}):
            raise ValueError("give equals, one_of, or min and max")
        return self

    def is_met(self, answer: Json) -> bool:
        """Tell whether an answer is so; none is not.

        >>> Answered(min=6).is_met(8), Answered(one_of=["cancer"]).is_met("none"), Answered(equals=True).is_met(None)
        (True, False, False)
        """
        if answer is None:
            return False
        if self.equals is not None:
            return bool(answer == self.equals and isinstance(answer, bool) == isinstance(self.equals, bool))
        if self.one_of is not None:
            return answer in self.one_of
        if isinstance(answer, bool | list | dict):
            return False
        bounds = [bound for bound in (self.min, self.max) if bound is not None]
        if any(isinstance(bound, str) != isinstance(answer, str) for bound in bounds):
            return False
        return (self.min is None or self.min <= answer) and (self.max is None or answer <= self.max)


class Condition(Answered):
    """What an earlier question must have been answered with."""

    question: Key


class Stop(Answered):
    """An answer with which this payer takes no request; `payer` is who decides it instead."""

    message: Text
    payer: Text | None = None


class Question(StrictModel):
    """One clinical question. `when`: asked only if each of these holds; `stop`: an answer that ends it."""

    id: Key
    text: Text
    type: Literal["boolean", "choice", "text", "number", "date"]
    options: list[Text] | None = None
    required: bool = True
    when: list[Condition] = Field(default_factory=list)
    stop: Stop | None = None

    @model_validator(mode="after")
    def _options_for_choice(self) -> Self:
        if self.type == "choice" and (not self.options or len(set(self.options)) != len(self.options)):
            raise ValueError("a choice needs options, each of them once")
        if self.type != "choice" and self.options is not None:
            raise ValueError(f"options go with type choice, not {self.type}")
        return self


class Questionnaire(StrictModel):
    """The clinical questions of a procedure."""

    procedure_code: ProcedureOrDrugCode
    description: Text | None = None
    pa_required: bool = True
    questions: list[Question] = Field(default_factory=list)

    @model_validator(mode="after")
    def _unique_ids(self) -> Self:
        ids = [question.id for question in self.questions]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"the question id {name} is used more than once")
        for place, question in enumerate(self.questions):
            for condition in question.when:
                if condition.question not in ids[:place]:
                    raise ValueError(f"{question.id} depends on {condition.question}, which is no question before it")
        return self


class Decision(StrictModel):
    """A determination that was made."""

    status: DeterminationStatus
    reason: str | None = None
    decided_at: AwareDatetime | None = None


class Wanted(StrictModel):
    """What the payer asked for, and by when."""

    documents: Lines = Field(default_factory=list)
    questions: Lines = Field(default_factory=list)
    due_at: AwareDatetime | None = None


class Authorization(StrictModel):
    """For what an approval is good; both days included."""

    units: Units | None = None
    valid_from: date
    valid_to: date | None = None
    number_due_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        return self


class Denial(StrictModel):
    """Why it was denied, and until when it can be appealed."""

    code: Code | None = None
    reason: str | None = None
    appeal_until: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None


class PriorAuth(StrictModel):
    """A prior authorization that exists when the playground begins, or that a scenario adds."""

    request_id: Identifier
    auth_number: Identifier | None = None
    status: Literal["draft", "submitted"] = "submitted"
    submitted_at: AwareDatetime | None = None
    patient_member_id: Identifier | None = None
    procedure_code: ProcedureOrDrugCode | None = None
    diagnosis_codes: list[DiagnosisCode] = Field(default_factory=list)
    provider_npi: Npi | None = None
    clinical_answers: dict[str, Any] = Field(default_factory=dict)
    notes: str | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime | None = None
    determination: Decision | None = None
    state: CaseState | None = None
    tracking_number: Identifier | None = None
    units: Units | None = None
    service_date: date | None = None
    wanted: Wanted | None = None
    authorization: Authorization | None = None
    denial: Denial | None = None

    @model_validator(mode="after")
    def _complete_when_submitted(self) -> Self:
        if self.status == "draft":
            if self.auth_number or self.submitted_at or self.determination:
                raise ValueError("a draft has no auth_number, submitted_at or determination")
            if self.state not in (None, "draft"):
                raise ValueError(f"a draft is not {self.state}")
            return self
        if self.auth_number is None and self.tracking_number is None:
            raise ValueError("auth_number is required unless status is draft, or tracking_number instead")
        for name in ("submitted_at", "patient_member_id", "procedure_code", "provider_npi"):
            if getattr(self, name) is None:
                raise ValueError(f"{name} is required unless status is draft")
        self._check_state()
        return self

    def _check_state(self) -> None:
        answered = self.determination.status if self.determination is not None else "pending"
        if self.state is not None and _ANSWERED.get(self.state, answered) != answered:
            raise ValueError(f"the state {self.state} does not go with the determination {answered}")
        for name, status in (("wanted", "need_more_info"), ("authorization", "approved"), ("denial", "denied")):
            if getattr(self, name) is not None and answered != status:
                raise ValueError(f"{name} goes with the determination {status}")
        decided = self.determination.decided_at if self.determination is not None else None
        for name, date_name in (("wanted", "due_at"), ("denial", "appeal_until")):
            at = getattr(getattr(self, name), date_name, None)
            if decided is not None and at is not None and at < decided:
                raise ValueError(f"{name}.{date_name} is before determination.decided_at")

    def to_row(self) -> Json:
        """Write it as the row the portal keeps."""
        row = self.model_dump(mode="json")
        decision = self.determination or (None if self.status == "draft" else Decision(status="pending"))
        row["submitted_at"] = format_instant(self.submitted_at) if self.submitted_at else None
        row["created_at"] = format_instant(self.created_at)
        row["updated_at"] = format_instant(self.updated_at or self.submitted_at or self.created_at)
        row["attachments"] = []
        row["determination"] = decision and {
            "status": decision.status,
            "reason": decision.reason,
            "decided_at": format_instant(decision.decided_at) if decision.decided_at else None,
        }
        row["duplicate_of"] = None
        dates = (
            ("wanted", "due_at"),
            ("denial", "appeal_until"),
            ("denial", "closed_at"),
            ("authorization", "number_due_at"),
        )
        for part, name in dates:
            instant = getattr(getattr(self, part), name, None)
            if instant is not None:
                row[part][name] = format_instant(instant)
        row["state"] = self.state or plain_state(row)
        row |= {"peer_to_peer": None, "appeals": [], "history": []}
        return row


class PortalSeed(StrictModel):
    """The whole of `portal.yaml`."""

    patients: list[Patient] = Field(default_factory=list)
    providers: list[Provider] = Field(default_factory=list)
    formulary: list[FormularyDrug] = Field(default_factory=list)
    questions: list[Questionnaire] = Field(default_factory=list)
    prior_auths: list[PriorAuth] = Field(default_factory=list)


_OTHER_KEYS: Final[Mapping[str, str]] = {
    "claims": "claim_number",
    "appeals": "appeal_id",
    "coverages": "coverage_id",
    "benefits": "plan",
    "accumulators": "member_id",
}


def key_of(collection: str, row: Json) -> str:
    """Return the key a row is kept under in its collection.

    >>> key_of("formulary", {"drug": "Adalimumab"})
    'adalimumab'
    """
    if collection == "formulary":
        return normal(row["drug"])
    field = FIELDS.get(collection) or _OTHER_KEYS.get(collection, "request_id")
    return str(row[field])
