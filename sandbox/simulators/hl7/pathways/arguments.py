"""The arguments of a pathway's steps, as definitions write them."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from sandbox.definitions.assertions import StrictModel

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z"


class PersonInWords(StrictModel):
    """A patient who has no chart."""

    mrn: str = Field(min_length=1)
    family: str = Field(min_length=1)
    given: str = ""
    birth_date: str = Field(default="", pattern=r"^(\d{4}-\d\d-\d\d)?$")
    sex: Literal["F", "M", "O", "U", ""] = ""


class Step(StrictModel):
    """What every step takes: whose it is, and what stands in its message's header.

    `patient` is a chart of the FHIR simulator (`Patient/…`), or a person in words. `sender` and `receiver` are
    `application^facility`.
    """

    patient: str | PersonInWords
    control_id: str | None = Field(default=None, min_length=1, max_length=20)
    sender: str | None = None
    receiver: str = "EHR^HOSP"

    @field_validator("patient")
    @classmethod
    def _is_a_chart(cls, value: str | PersonInWords) -> str | PersonInWords:
        if isinstance(value, str) and not (value.startswith("Patient/") and value.count("/") == 1):
            raise ValueError("patient is written Patient/id, or in words: {mrn, family, given, birth_date, sex}")
        return value


class VisitStep(Step):
    """A step of a stay."""

    location: str | None = None
    patient_class: Literal["I", "O", "E", "P", "R", "B"] | None = None
    attending: str | None = None
    visit_number: str | None = None


class MergeStep(Step):
    """Two records of one person: `prior` goes, `patient` stays."""

    prior: str | PersonInWords


class OrderStep(Step):
    """An order for a test: `test` is `code^text^system`, `message` the kind that carries it."""

    test: str = Field(min_length=1)
    number: str | None = Field(default=None, min_length=1)
    priority: Literal["R", "S", "A"] = "R"
    message: Literal["ORM", "OML"] = "ORM"
    orderer: str | None = None


class CancelOrderStep(Step):
    """The end of an order, by its number; the last one where none is given."""

    number: str | None = None
    message: Literal["ORM", "OML"] = "ORM"


class Value(StrictModel):
    """One line of a result: `code` is `code^text^system`."""

    code: str = Field(min_length=1)
    value: str | int | float
    unit: str = ""
    range: str = ""
    flag: str = ""


class ResultStep(Step):
    """The result of an order, by its number; of the last one where none is given. `corrected` replaces one that was
    reported, under the same filler number."""

    values: list[Value] = Field(min_length=1)
    number: str | None = None
    filler: str | None = Field(default=None, min_length=1)
    preliminary: bool = False
    corrected: bool = False

    @model_validator(mode="after")
    def _one_status(self) -> Self:
        if self.preliminary and self.corrected:
            raise ValueError("a result is preliminary or corrected, not both")
        return self


class BookStep(Step):
    """An appointment: when, with whom (`id^family^given`), where, what for."""

    start: str = Field(pattern=f"^{TIME}$")
    minutes: int = Field(default=30, ge=1, le=1440)
    number: str | None = Field(default=None, min_length=1)
    clinician: str = ""
    location: str = ""
    reason: str = ""


class RebookStep(Step):
    """Another time for an appointment; the last one where no number is given."""

    start: str = Field(pattern=f"^{TIME}$")
    number: str | None = None


class CancelAppointmentStep(Step):
    """The end of an appointment; of the last one where no number is given."""

    number: str | None = None
