"""The rows of `payer.yaml`: coverages, benefits, accumulators, claims. Must not know files.

Amounts are dollars with at most two decimals; both days of a span are included. Adjustments are named by their group
and CARC, remarks by their RARC: numbers alone, since the texts belong to others.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from sandbox.clock import format_instant
from sandbox.definitions.assertions import StrictModel
from sandbox.jsonio import Json
from sandbox.payer.identifiers import DiagnosisCode, Identifier, Npi, ProcedureOrDrugCode


def _cents(value: Decimal) -> Decimal:
    if value != round(value, 2):
        raise ValueError("an amount has at most two decimals")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("not an amount")
    return repr(value) if isinstance(value, float) else value


Amount = Annotated[
    Decimal,
    BeforeValidator(_plain),
    Field(ge=0, le=100_000_000, allow_inf_nan=False),
    AfterValidator(_cents),
    PlainSerializer(float, return_type=float),
]
Percent = Annotated[int, Field(ge=0, le=100)]
Text = Annotated[str, Field(min_length=1, max_length=500)]
# X12 service type codes (data element 1365), and codes of adjustments (CARC) and remarks (RARC).
ServiceType = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9A-Z]{1,2}$")]
Carc = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^([1-9][0-9]{0,2}|[A-Z][0-9]{1,2})$")]
Rarc = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^(M|MA|N)[0-9]{1,3}$")]
Modifier = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9A-Z]{2}$")]


class Span(StrictModel):
    """Days from one to another; without an end it is open."""

    start: date
    end: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end is not None and self.end < self.start:
            raise ValueError("the end is before the start")
        return self


class PlanCoverage(Span):
    """One coverage of a member: a plan for a time. Several may stand beside each other."""

    coverage_id: Identifier
    member_id: Identifier
    plan: Text
    kind: Literal["medical", "pharmacy", "dental", "vision", "behavioral"] = "medical"
    status: Literal["active", "inactive"] = "active"
    order: Literal["primary", "secondary", "tertiary"] = "primary"
    payer: Text | None = None
    group_number: Text | None = None
    relationship: Literal["self", "spouse", "child", "other"] = "self"
    subscriber_id: Identifier | None = None


class Benefit(StrictModel):
    """What a plan covers of one type of service, in or out of its network."""

    plan: Text
    service_type: ServiceType
    description: Text | None = None
    network: Literal["in", "out"] = "in"
    covered: bool = True
    copay: Amount | None = None
    coinsurance: Percent | None = None
    deductible_applies: bool = False
    visits: Annotated[int, Field(ge=0, le=10_000)] | None = None
    authorization_required: bool = False


class Accumulator(Span):
    """How much of a limit a member has used up."""

    member_id: Identifier
    kind: Literal["deductible", "out_of_pocket", "visits"]
    scope: Literal["individual", "family"] = "individual"
    network: Literal["in", "out"] = "in"
    service_type: ServiceType | None = None
    limit: Amount
    used: Amount


class Adjustment(StrictModel):
    """Why so much of a charge is not paid: group, CARC, amount."""

    group: Literal["CO", "CR", "OA", "PI", "PR"]
    carc: Carc
    amount: Amount


class ClaimLine(StrictModel):
    """One service of a claim."""

    procedure_code: ProcedureOrDrugCode
    modifiers: Annotated[list[Modifier], Field(max_length=4)] = Field(default_factory=list)
    units: Annotated[int, Field(ge=1, le=100_000)] = 1
    charge: Amount
    allowed: Amount | None = None
    paid: Amount = Decimal(0)
    status: Literal["pending", "paid", "denied"] = "pending"
    adjustments: list[Adjustment] = Field(default_factory=list)
    rarc: list[Rarc] = Field(default_factory=list)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.status == "pending":
            if self.paid or self.adjustments:
                raise ValueError("a pending line has neither paid nor adjustments")
            return self
        if self.status == "denied" and (self.paid or not self.adjustments):
            raise ValueError("a denied line has nothing paid, and an adjustment that says why")
        adjusted = sum((item.amount for item in self.adjustments), Decimal(0))
        if self.paid + adjusted != self.charge:
            raise ValueError(f"charge {self.charge} is not paid {self.paid} and adjustments {adjusted}")
        return self


class Claim(StrictModel):
    """A claim that the payer has."""

    claim_number: Identifier
    member_id: Identifier
    provider_npi: Npi
    status: Literal["received", "pended", "paid", "partially_paid", "denied"]
    service_from: date
    service_to: date | None = None
    received_at: AwareDatetime
    finalized_at: AwareDatetime | None = None
    diagnosis_codes: list[DiagnosisCode] = Field(default_factory=list)
    auth_number: Identifier | None = None
    check_number: Text | None = None
    appeal_until: AwareDatetime | None = None
    lines: Annotated[list[ClaimLine], Field(min_length=1, max_length=999)]

    @model_validator(mode="after")
    def _fits_its_lines(self) -> Self:
        statuses = {line.status for line in self.lines}
        is_open = self.status in ("received", "pended")
        wanted = {"received": {"pending"}, "pended": {"pending"}, "paid": {"paid"}, "denied": {"denied"}}
        if self.status == "partially_paid":
            if statuses != {"paid", "denied"}:
                raise ValueError("a partially paid claim has paid and denied lines, and no others")
        elif statuses != wanted[self.status]:
            raise ValueError(f"a claim that is {self.status} has lines that are {wanted[self.status].pop()}")
        if is_open != (self.finalized_at is None):
            raise ValueError("finalized_at goes with a claim that was decided, and only with it")
        if self.appeal_until is not None and self.status not in ("denied", "partially_paid"):
            raise ValueError("appeal_until goes with a claim that was denied, or in part")
        if self.service_to is not None and self.service_to < self.service_from:
            raise ValueError("service_to is before service_from")
        return self

    def to_row(self) -> Json:
        """Write it as the row the payer keeps."""
        row = self.model_dump(mode="json")
        for name in ("received_at", "finalized_at", "appeal_until"):
            instant = getattr(self, name)
            row[name] = None if instant is None else format_instant(instant)
        row["service_to"] = row["service_to"] or row["service_from"]
        row["lines"] = [{"line": number, **line} for number, line in enumerate(row["lines"], 1)]
        return {**row, **totals(row["lines"]), "appeals": [], "history": []}


def totals(lines: list[Json]) -> dict[str, Json]:
    """Return what a claim's lines add up to, in dollars.

    >>> totals([{"charge": 10.1, "paid": 0.2, "adjustments": [{"group": "PR", "amount": 9.9}]}])
    {'total_charge': 10.1, 'total_paid': 0.2, 'patient_responsibility': 9.9}
    """
    mine = (item["amount"] for line in lines for item in line["adjustments"] if item["group"] == "PR")
    return {
        "total_charge": add(line["charge"] for line in lines),
        "total_paid": add(line["paid"] for line in lines),
        "patient_responsibility": add(mine),
    }


def add(amounts: Any) -> float:
    """Add amounts to the cent.

    >>> add([0.1, 0.2])
    0.3
    """
    return float(sum((Decimal(str(amount)) for amount in amounts), Decimal(0)))


class PayerSeed(StrictModel):
    """The whole of `payer.yaml`."""

    coverages: list[PlanCoverage] = Field(default_factory=list)
    benefits: list[Benefit] = Field(default_factory=list)
    accumulators: list[Accumulator] = Field(default_factory=list)
    claims: list[Claim] = Field(default_factory=list)
