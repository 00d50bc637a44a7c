"""The rows a portal begins with: members, providers, formulary, questionnaires, earlier requests.

They are the schema of `portal.yaml` and of the `set_portal` scenario step. Must not know files.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from sandbox.clock import format_instant
from sandbox.definitions.assertions import StrictModel
from sandbox.jsonio import Json
from sandbox.simulators.portal.config import DeterminationStatus
from sandbox.simulators.portal.identifiers import (
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


class Question(StrictModel):
    """One clinical question."""

    id: Key
    text: Text
    type: Literal["boolean", "choice", "text", "number", "date"]
    options: list[Text] | None = None
    required: bool = True

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
        return self


class Decision(StrictModel):
    """A determination that was made."""

    status: DeterminationStatus
    reason: str | None = None
    decided_at: datetime | None = None


class PriorAuth(StrictModel):
    """A prior authorization that exists when the playground begins, or that a scenario adds."""

    request_id: Identifier
    auth_number: Identifier | None = None
    status: Literal["draft", "submitted"] = "submitted"
    submitted_at: datetime | None = None
    patient_member_id: Identifier | None = None
    procedure_code: ProcedureOrDrugCode | None = None
    diagnosis_codes: list[DiagnosisCode] = Field(default_factory=list)
    provider_npi: Npi | None = None
    clinical_answers: dict[str, Any] = Field(default_factory=dict)
    notes: str | None = None
    created_at: datetime
    updated_at: datetime | None = None
    determination: Decision | None = None

    @model_validator(mode="after")
    def _complete_when_submitted(self) -> Self:
        if self.status == "draft":
            if self.auth_number or self.submitted_at or self.determination:
                raise ValueError("a draft has no auth_number, submitted_at or determination")
            return self
        for name in ("auth_number", "submitted_at", "patient_member_id", "procedure_code", "provider_npi"):
            if getattr(self, name) is None:
                raise ValueError(f"{name} is required unless status is draft")
        return self

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
        row["history"] = []
        return row


class PortalSeed(StrictModel):
    """The whole of `portal.yaml`."""

    patients: list[Patient] = Field(default_factory=list)
    providers: list[Provider] = Field(default_factory=list)
    formulary: list[FormularyDrug] = Field(default_factory=list)
    questions: list[Questionnaire] = Field(default_factory=list)
    prior_auths: list[PriorAuth] = Field(default_factory=list)


def key_of(collection: str, row: Json) -> str:
    """Return the key a row is kept under in its collection.

    >>> key_of("formulary", {"drug": "Adalimumab"})
    'adalimumab'
    """
    if collection == "formulary":
        return normal(row["drug"])
    return str(row[FIELDS.get(collection, "request_id")])
