"""How a portal is configured: which payer it plays, and what it decides.

The determination rules are data; `determination.py` runs them.
"""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sandbox.definitions.assertions import StrictModel
from sandbox.jsonio import Json
from sandbox.simulators.portal.identifiers import Identifier, ProcedureOrDrugCode, is_same

DeterminationStatus = Literal["approved", "denied", "pending", "need_more_info"]


class Determination(StrictModel):
    """What the payer answers, and when.

    It falls due `delay_seconds` after the submission on the playground's clock, or with the
    `delay_reads`-th read of the request, whichever comes first; at once without either.
    `after_more_info` is the answer once the information asked for was supplied.
    """

    status: DeterminationStatus
    reason: str | None = None
    delay_seconds: float = Field(default=0, ge=0, allow_inf_nan=False, le=10 * 365 * 86_400)
    delay_reads: int | None = Field(default=None, ge=1)
    after_more_info: "Determination | None" = None

    @model_validator(mode="after")
    def _more_info_was_asked(self) -> Self:
        if self.after_more_info is not None and self.status != "need_more_info":
            raise ValueError("after_more_info only goes with status need_more_info")
        return self

    def to_json(self) -> Json:
        """Write it as plain JSON, defaults left out."""
        outcome = {"status", "reason", "delay_seconds", "delay_reads", "after_more_info"}
        return self.model_dump(mode="json", include=outcome, exclude_defaults=True)


class DeterminationRule(Determination):
    """A determination for the requests that match every key given."""

    procedure_code: ProcedureOrDrugCode | None = None
    patient_member_id: Identifier | None = None

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


class PayerConfig(StrictModel):
    """The configuration of a `Payer` simulator."""

    portal: Literal["radmd", "covermymeds"] = "radmd"
    determinations: list[DeterminationRule] = Field(default_factory=list)
    default_determination: Determination = Determination(status="pending")

    def determination_for(self, row: Json) -> Determination:
        """Return the first matching rule, else the default."""
        return next((rule for rule in self.determinations if rule.is_for(row)), self.default_determination)


def read_config(config: Any) -> PayerConfig:
    """Return a sandbox's configuration as its model."""
    return PayerConfig.model_validate(dict(config))
