"""How a payer is configured: what it decides and when, what its portal allows, what it offers after a denial.

All of it is data; `determination.py`, `disputes.py` and `cases.py` run it. The configuration is that of the
environment's `Payer` simulator, through whichever door a case is reached.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from sandbox import limits
from sandbox.definitions.assertions import StrictModel
from sandbox.jsonio import Json
from sandbox.payer.identifiers import Identifier, ProcedureOrDrugCode, is_same
from sandbox.playground.playground import Interaction

SURFACE: Final = "portal"
TEN_YEARS_S: Final = 10 * 365 * 86_400

DeterminationStatus = Literal["approved", "denied", "pending", "need_more_info"]
StepStatus = Literal["approved", "denied", "pending", "need_more_info", "under_review"]
Positive: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False, le=TEN_YEARS_S)]
Offer: TypeAlias = Literal["edit", "withdraw", "resubmit", "appeal", "external_review", "peer_to_peer"]
Delay: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False, le=TEN_YEARS_S)]
Line: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Lines: TypeAlias = Annotated[list[Line], Field(max_length=50)]
Units: TypeAlias = Annotated[int, Field(ge=1, le=100_000)]
Code: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]

DEFAULT_OFFERS: Final[tuple[Offer, ...]] = ("withdraw", "resubmit", "appeal", "external_review", "peer_to_peer")
APPROVAL_TERMS: Final = ("units", "valid_from", "valid_to", "valid_days")
PEND_TERMS: Final = ("documents", "questions", "due_seconds")


class Terms(StrictModel):
    """For what an approval is good: units, and days (both included; from the day of the decision unless it says)."""

    units: Units | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    valid_days: Annotated[int, Field(ge=1, le=3_650)] | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.valid_to is not None and self.valid_days is not None:
            raise ValueError("give valid_to or valid_days, not both")
        if self.valid_from is not None and self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        return self


class Determination(Terms):
    """What the payer answers, and when.

    It falls due `delay_seconds` after what it answers on the playground's clock, or with the
    `delay_reads`-th read of the request, whichever comes first; at once without either.
    `after_more_info` is the answer once the information asked for was supplied. `documents`, `questions` and
    `due_seconds` go with `need_more_info`: what is wanted, and by when; unanswered it is denied then. `units` and the
    days go with `approved`, `code` with `denied`. `path` is instead of a `status`: several steps, each counted from the
    one before; what follows `need_more_info` follows the answer.
    """

    status: StepStatus
    reason: str | None = None
    code: Code | None = None
    delay_seconds: Delay = 0
    delay_reads: int | None = Field(default=None, ge=1)
    documents: Lines = Field(default_factory=list)
    questions: Lines = Field(default_factory=list)
    due_seconds: Positive | None = None
    after_more_info: "Determination | None" = None
    path: "list[Determination]" = Field(default_factory=list, max_length=20)

    @model_validator(mode="before")
    @classmethod
    def _first_step(cls, value: Any) -> Any:
        """Let the first step of a path be the answer, and the rest follow it."""
        if not isinstance(value, dict) or "path" not in value or "status" in value or not value["path"]:
            return value
        first = value["path"][0]
        if not isinstance(first, dict):
            return value
        if first.get("path"):
            raise ValueError("a step of a path has no path of its own")
        return {**value, **first, "path": value["path"][1:]}

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.after_more_info is not None and self.status != "need_more_info":
            raise ValueError("after_more_info only goes with status need_more_info")
        if self.after_more_info is not None and self.path:
            raise ValueError("give after_more_info or a path, not both")
        for names, status in ((PEND_TERMS, "need_more_info"), (APPROVAL_TERMS, "approved"), (("code",), "denied")):
            given = [name for name in names if getattr(self, name) not in (None, [])]
            if given and self.status != status:
                raise ValueError(f"{given[0]} only goes with status {status}")
        statuses = [self.status, *(step.status for step in self.path)]
        for status in statuses[:-1]:
            if status in ("approved", "denied"):
                raise ValueError(f"{status} ends a path: no step follows it")
        if any(step.path or step.after_more_info for step in self.path):
            raise ValueError("a step of a path has neither path nor after_more_info")
        return self

    @property
    def following(self) -> "Determination | None":
        """The rest of the path, None at its end."""
        if not self.path:
            return None
        first, *rest = self.path
        return first.model_copy(update={"path": rest})

    def to_json(self) -> Json:
        """Write it as plain JSON, defaults left out."""
        return self.model_dump(mode="json", include=set(Determination.model_fields), exclude_defaults=True)

    @classmethod
    def of_json(cls, value: Json) -> "Determination":
        """Read what `to_json` wrote."""
        return cls.model_validate(value)


class Outcome(Terms):
    """How the payer decides an appeal, an external review or a peer-to-peer review, and when.

    With `mentions` it is overturned when the provider's words hold each of them (without regard to case), else upheld.
    """

    outcome: Literal["upheld", "overturned"] | None = None
    mentions: Lines = Field(default_factory=list)
    reason: str | None = None
    delay_seconds: Delay = 0
    delay_reads: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.outcome is None) == (not self.mentions):
            raise ValueError("give outcome or mentions, one of them")
        return self

    def is_overturned(self, words: str) -> bool:
        """Tell how it goes for somebody who said this."""
        if self.outcome is not None:
            return self.outcome == "overturned"
        said = " ".join(words.casefold().split())
        return all(" ".join(phrase.casefold().split()) in said for phrase in self.mentions)

    def to_json(self) -> Json:
        """Write it as plain JSON, defaults left out."""
        return self.model_dump(mode="json", include=set(Outcome.model_fields), exclude_defaults=True)


class DeterminationRule(Determination):
    """A determination for the requests that match every key given; `appeal` and the like are for its denials."""

    procedure_code: ProcedureOrDrugCode | None = None
    patient_member_id: Identifier | None = None
    appeal: Outcome | None = None
    external_review: Outcome | None = None
    peer_to_peer: Outcome | None = None
    resubmission: Determination | None = None

    @model_validator(mode="after")
    def _some_condition(self) -> Self:
        if self.procedure_code is None and self.patient_member_id is None:
            raise ValueError(
                "give procedure_code or patient_member_id; for all other requests use default_determination"
            )
        return self

    def is_for(self, row: Json) -> bool:
        """Tell whether the rule is for this prior authorization."""
        conditions = (("procedure_code", self.procedure_code), ("patient_member_id", self.patient_member_id))
        return all(wanted is None or is_same(name, wanted, row[name]) for name, wanted in conditions)


class AuthorizationNumber(StrictModel):
    """When the authorization number is given: with the submission, or with the approval and then perhaps later.

    With `approval` the submission gives a tracking number instead.
    """

    given_with: Literal["submission", "approval"] = "submission"
    delay_seconds: Delay = 0

    @model_validator(mode="after")
    def _delay_after_approval(self) -> Self:
        if self.delay_seconds and self.given_with == "submission":
            raise ValueError("delay_seconds goes with given_with: approval")
        return self


class AttachmentLimits(StrictModel):
    """What a request takes as attachments."""

    max_count: Annotated[int, Field(ge=0, le=50)] = 50
    max_bytes: Annotated[int, Field(ge=1, le=limits.FILE_BYTES)] = limits.FILE_BYTES
    content_types: Lines | None = None


class OtherPayer(StrictModel):
    """Requests that another payer decides: they are stopped before they are sent."""

    payer: Line
    procedure_code: ProcedureOrDrugCode | None = None
    plan: Line | None = None
    message: Line | None = None

    @model_validator(mode="after")
    def _some_condition(self) -> Self:
        if self.procedure_code is None and self.plan is None:
            raise ValueError("give procedure_code or plan, or both")
        return self


class PeerToPeer(StrictModel):
    """Calls of the requesting clinician with the payer's medical director.

    Slots are offered `offer_delay_seconds` after the request; each begins `slots_after_seconds` after the offer and
    lasts `minutes`. In the call the payer's side says `turns`, one after each of the provider's; then it decides.
    """

    slots_after_seconds: Annotated[list[Positive], Field(min_length=1, max_length=20)] = [86_400.0, 90_000.0]
    minutes: Annotated[int, Field(ge=1, le=240)] = 30
    offer_delay_seconds: Delay = 0
    medical_director: Line = "Medical Director"
    turns: Annotated[Lines, Field(min_length=1)] = ["Please tell me why this service is medically necessary."]


class Appeals(StrictModel):
    """How long a denial can be appealed; without `within_days` always."""

    within_days: Annotated[int, Field(ge=1, le=3_650)] | None = None


class Sessions(StrictModel):
    """How long a session lasts without use, and whether a one-time code is asked for after the password."""

    idle_seconds: Positive | None = None
    one_time_code: bool = False
    code_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False, le=86_400)] = 600


class ClaimAppealRule(Outcome):
    """How appeals of claims are decided: of one claim, or of those denied with a CARC."""

    claim_number: Identifier | None = None
    carc: Code | None = None


class PayerConfig(StrictModel):
    """The configuration of a `Payer` simulator."""

    portal: Literal["radmd", "covermymeds"] = "radmd"
    determinations: list[DeterminationRule] = Field(default_factory=list)
    default_determination: Determination = Determination(status="pending")
    authorization_number: AuthorizationNumber = AuthorizationNumber()
    duplicates: Literal["flag", "refuse"] = "flag"
    saving_submits: bool = False
    draft_days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    attachments: AttachmentLimits = AttachmentLimits()
    other_payers: list[OtherPayer] = Field(default_factory=list)
    refuse_unneeded: bool = False
    status_without_login: bool = False
    offers: list[Offer] = Field(default_factory=lambda: list(DEFAULT_OFFERS))
    appeals: Appeals = Appeals()
    peer_to_peer: PeerToPeer = PeerToPeer()
    claim_appeals: list[ClaimAppealRule] = Field(default_factory=list)
    sessions: Sessions = Sessions()
    fhir: bool = False

    def rule_for(self, row: Json) -> DeterminationRule | None:
        """Return the first rule that matches a request, None without one."""
        return next((rule for rule in self.determinations if rule.is_for(row)), None)

    def determination_for(self, row: Json) -> Determination:
        """Return the first matching rule, else the default."""
        return self.rule_for(row) or self.default_determination


def read_config(config: Mapping[str, Any]) -> PayerConfig:
    """Return a sandbox's configuration as its model; a configuration does not change once it is a sandbox's."""
    kept = _READ.get(id(config))
    if kept is not None and kept[0] is config:
        return kept[1]
    found = PayerConfig.model_validate(dict(config))
    if len(_READ) >= _READ_MAX:
        _READ.clear()
    _READ[id(config)] = (config, found)
    return found


# Reading one takes longer than what is done with it. An entry holds its configuration, so that no other has its id.
_READ: Final[dict[int, tuple[Mapping[str, Any], PayerConfig]]] = {}
_READ_MAX: Final = 256
_PLAIN: Final[Mapping[str, Any]] = {}


def payer_config(tx: Interaction) -> PayerConfig:
    """Return the configuration of the playground's payer, whichever system is being talked to."""
    sandbox = tx.sandbox_of(SURFACE)
    return read_config(_PLAIN if sandbox is None else sandbox.config)


def names_of(values: Sequence[str]) -> str:
    """Write a list for people.

    >>> names_of(["a", "b"]), names_of([])
    ('a, b', 'none')
    """
    return ", ".join(values) or "none"
