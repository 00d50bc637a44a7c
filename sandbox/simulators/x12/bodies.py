"""What callers send as JSON: types, lengths, unknown fields; and the text of what they send raw.

Lengths are those that X12 has room for. Whether a member or a code is right is the payer's business.
"""

from datetime import date
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sandbox import limits
from sandbox.errors import Invalid, Malformed, TooLarge, UnsupportedMedia
from sandbox.playground.events import Request
from sandbox.wire.charsets import check_utf_8, find_charset
from sandbox.wire.field_errors import field_errors, in_words
from sandbox.wire.media_types import charset_of, is_json

RAW_MEDIA_TYPES = ("application/edi-x12", "application/edi-consent", "text/plain", "application/x12")
_PLAIN = r"^[^*:^~\x00-\x1f\x7f]+$"  # X12 has no escape for its delimiters


def _text(longest: int, shortest: int = 1) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest, pattern=_PLAIN)


_PLAINLY = in_words("Must be one line, without * : ^ ~, which part X12.")
Identifier = Annotated[str, _text(64, 2), _PLAINLY]
Name = Annotated[str, _text(60), _PLAINLY]
FirstName = Annotated[str, _text(35), _PLAINLY]
Number = Annotated[str, _text(50), _PLAINLY]
Code = Annotated[str, _text(30), _PLAINLY]
Npi = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{10}$"), in_words("Must be an NPI: 10 digits.")
]
ServiceType = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^[0-9A-Z]{1,2}$"),
    in_words("Must be a service type code of X12: one or two digits or capital letters, such as 30."),
]
Day = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), in_words("Must be a date, YYYY-MM-DD.")
]
Answer = str | bool | int | float


_ANSWERING = ("request", "update", "resubmit")


class Body(BaseModel):
    """A JSON body: strict types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def problems(self) -> dict[str, list[str]]:
        """Return what is wrong between fields, by the field that is to be changed."""
        return {}


class PersonFields(Body):
    """Whom a request is about: a chart of the playground by `patient_id`, or a member as a card says it."""

    patient_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    member_id: Identifier | None = None
    last_name: Name | None = None
    first_name: FirstName | None = None
    birth_date: Day | None = None
    gender: Literal["male", "female", "unknown"] | None = None
    provider_npi: Npi | None = None

    def problems(self) -> dict[str, list[str]]:
        """Return where the person is named in no way, or in two."""
        names = ("member_id", "last_name", "first_name", "birth_date", "gender")
        given = [name for name in names if getattr(self, name) is not None]
        if self.patient_id is not None:
            return {name: ["Give patient_id or this, not both."] for name in given}
        if not given:
            return {"patient_id": ["Give this; or member_id with birth_date or last_name; or names and birth_date."]}
        return _day_problems(self, "birth_date")


def _day_problems(body: Body, *names: str) -> dict[str, list[str]]:
    found = {}
    for name in names:
        value = getattr(body, name)
        try:
            date.fromisoformat(value or "2000-01-01")
        except ValueError:
            found[name] = ["Must be a date, YYYY-MM-DD."]
    return found


def _span_problems(first: str | None, last: str | None) -> dict[str, list[str]]:
    if last is not None and (first is None or last < first):
        return {"service_end_date": ["Goes with a service_date that is not after it."]}
    return {}


class Eligibility(PersonFields):
    """The body of `POST eligibility`."""

    service_type_codes: list[ServiceType] = Field(default_factory=lambda: ["30"], min_length=1, max_length=99)
    procedure_code: Code | None = None
    service_date: Day | None = None
    service_end_date: Day | None = None

    def problems(self) -> dict[str, list[str]]:
        """Return what is wrong between fields."""
        days = _day_problems(self, "service_date", "service_end_date")
        return super().problems() | (days or _span_problems(self.service_date, self.service_end_date))


class ClaimStatus(PersonFields):
    """The body of `POST claim-status`. The guide asks by a last name."""

    claim_number: Number | None = None
    patient_account_number: Number | None = None
    service_date: Day | None = None
    service_end_date: Day | None = None
    charge: Annotated[float, Field(ge=0, le=9_999_999.99)] | None = None

    def problems(self) -> dict[str, list[str]]:
        """Return what is wrong between fields."""
        found = super().problems()
        if not found and self.patient_id is None:
            found = {name: ["Required field"] for name in ("member_id", "last_name") if getattr(self, name) is None}
        days = _day_problems(self, "service_date", "service_end_date")
        return found | (days or _span_problems(self.service_date, self.service_end_date))


class PriorAuth(PersonFields):
    """The body of `POST prior-auth`."""

    action: Literal["request", "inquiry", "update", "cancel", "resubmit", "appeal"] = "request"
    authorization_number: Number | None = None
    procedure_code: Code | None = None
    diagnosis_codes: list[Code] = Field(default_factory=list, max_length=12)
    units: Annotated[int, Field(ge=1, le=99_999)] | None = None
    service_date: Day | None = None
    clinical_answers: dict[str, Answer] = Field(default_factory=dict, max_length=100)
    notes: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None

    def problems(self) -> dict[str, list[str]]:
        """Return what is wrong between fields."""
        found = super().problems() | _day_problems(self, "service_date")
        if self.units is not None and self.procedure_code is None:
            found["units"] = ["Goes with a procedure_code."]
        if self.action == "request" and self.authorization_number is not None:
            found["authorization_number"] = ["A new request has none yet; say the action that is meant."]
        if self.clinical_answers and self.action not in _ANSWERING:
            found["clinical_answers"] = [f"Goes with the actions {', '.join(_ANSWERING)}; {self.action} takes none."]
        if self.action not in ("request", "inquiry") and self.authorization_number is None:
            found["authorization_number"] = ["Required field"]
        return found


class Transactions(Body):
    """The body of `POST transactions` as JSON."""

    x12: Annotated[str, Field(min_length=1)]


M = TypeVar("M", bound=Body)


def read_body(request: Request, model: type[M]) -> M:
    """Parse the JSON body into a model.

    Raises `UnsupportedMedia`, `Malformed`, and `Invalid` with `details` naming each wrong field.
    """
    if not is_json(request.media_type):
        raise UnsupportedMedia(f"Send application/json, not {request.media_type[:100]}.")
    check_utf_8(request.headers.get("content-type", ""), "JSON")
    value = request.json()
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    if len(value) > limits.BODY_FIELDS:
        raise TooLarge(f"The body has {len(value):,} fields; the limit is {limits.BODY_FIELDS:,}.")
    try:
        body = model.model_validate(value)
    except ValidationError as error:
        details = field_errors(model, error)
    else:
        details = body.problems()
        if not details:
            return body
    told = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in details.items())
    raise Invalid(told[:1000], details=details)


def is_raw(request: Request) -> bool:
    """Whether a body is X12 as it is, by its media type; raises `UnsupportedMedia` for one that is neither."""
    if request.media_type in RAW_MEDIA_TYPES:
        return True
    if request.media_type in ("", "application/json") or request.media_type.endswith("+json"):
        return False
    known = ", ".join(("application/json", *RAW_MEDIA_TYPES))
    raise UnsupportedMedia(f"Content-Type {request.media_type[:100]!r} is not read here; send one of {known}.")


def raw_charset(request: Request) -> str:
    """Return the character set of a raw body: the one it names, else UTF-8. Raises `UnsupportedMedia`."""
    named = charset_of(request.headers.get("content-type", ""))
    found = find_charset(named) if named else "utf-8"
    if found is None:
        raise UnsupportedMedia(f"The character set {(named or '')[:40]!r} is not known here.")
    return found


def raw_text(request: Request, charset: str) -> str:
    """Return a raw body as text. Raises `Malformed` for bytes that are none in its character set."""
    try:
        return request.body.decode(charset)
    except UnicodeDecodeError:
        raise Malformed(f"The body is not text in {charset}; name its character set in Content-Type.") from None
