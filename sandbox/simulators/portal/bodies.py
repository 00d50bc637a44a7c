"""What callers send: the JSON bodies of the portal's REST, and attachments in three forms.

The edge between the wire and the rules: types, sizes, unknown fields. Whether a member exists or a
code is right is `validation.py`'s business.
"""

from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from sandbox import limits
from sandbox.errors import Malformed, TooLarge, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.payer.attachments import Upload, upload
from sandbox.payer.identifiers import Identifier
from sandbox.payer.refusals import invalid
from sandbox.payer.validation import DAY, is_date
from sandbox.playground.events import Request
from sandbox.wire.base64_text import read_base64
from sandbox.wire.charsets import check_utf_8
from sandbox.wire.field_errors import field_errors
from sandbox.wire.media_types import is_json
from sandbox.wire.multipart import parse_multipart

M = TypeVar("M", bound=BaseModel)


def _day(text: str) -> str:
    if not is_date(text):
        raise ValueError(DAY)
    return text


Day: TypeAlias = Annotated[str, AfterValidator(_day)]


class Body(BaseModel):
    """A JSON body: strict types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class InlineAttachment(Body):
    """A file inside a JSON body."""

    filename: str
    content_type: str = "application/octet-stream"
    content_base64: str


class PriorAuthFields(Body):
    """The fields of a prior authorization that a caller writes."""

    patient_member_id: Identifier | None = None
    procedure_code: Identifier | None = None
    diagnosis_codes: list[Identifier] | None = Field(default=None, max_length=12)
    provider_npi: Identifier | None = None
    clinical_answers: dict[str, Any] | None = Field(default=None, max_length=limits.BODY_FIELDS)
    notes: str | None = Field(default=None, max_length=10_000)
    attachments: list[InlineAttachment] | None = None
    units: int | None = Field(default=None, ge=1, le=100_000)
    service_date: Day | None = None


class NewPriorAuth(PriorAuthFields):
    """The body of `POST prior-auths`."""

    draft: bool = False


class Withdrawal(Body):
    """The body of `POST prior-auths/{id}/withdraw`."""

    reason: str | None = Field(default=None, max_length=500)


class Appeal(Body):
    """The body of an appeal, and of a request for an external review."""

    rationale: str = Field(min_length=1, max_length=10_000)
    attachments: list[InlineAttachment] | None = None


class PeerToPeerRequest(Body):
    """The body of `POST prior-auths/{id}/peer-to-peer`: who is to be called, and where."""

    phone: str | None = Field(default=None, max_length=50)
    contact: str | None = Field(default=None, max_length=200)


class SlotChoice(Body):
    """The body of `POST prior-auths/{id}/peer-to-peer/slot`."""

    slot: int = Field(ge=1, le=1_000)


class Turn(Body):
    """The body of `POST prior-auths/{id}/peer-to-peer/turns`."""

    text: str = Field(min_length=1, max_length=4_000)


class OneTimeCode(Body):
    """The body of `POST login/code`."""

    code: str = Field(max_length=20)


class Login(Body):
    """The body of `POST login`."""

    username: str = Field(max_length=200)
    password: str = Field(max_length=200)


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
    return validated(model, value)


def validated(model: type[M], value: Json) -> M:
    """Return what was sent as its model; raises `Invalid` with `details` naming each wrong field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(field_errors(model, error)) from None


def read_uploads(request: Request) -> list[Upload]:
    """Read the attachments of a request: JSON, `multipart/form-data`, or raw bytes with `?filename=`.

    Raises `Malformed`, `Invalid` naming the field, `TooLarge`.
    """
    if request.media_type == "application/json":
        return inline_uploads([read_body(request, InlineAttachment)], "")
    if request.media_type == "multipart/form-data":
        parts = parse_multipart(request.headers.get("content-type", ""), request.body)
        if not parts:
            raise invalid({"file": ["Required field: send at least one part with a filename."]})
        for part in parts:
            if part.filename is None:
                raise invalid({part.name: ["Unknown field; only parts with a filename are taken."]})
        return [upload(part.filename or "", part.content_type, part.content, part.name) for part in parts]
    if request.media_type == "application/x-www-form-urlencoded":
        raise UnsupportedMedia("Send multipart/form-data, application/json, or the file itself with ?filename=.")
    filename = request.first("filename")
    if filename is None:
        raise invalid({"filename": ["Required: name the file in the query, ?filename=notes.pdf."]})
    kind = request.headers.get("content-type") or "application/octet-stream"
    return [upload(filename, kind, request.body, "body")]


def inline_uploads(attachments: list[InlineAttachment], prefix: str) -> list[Upload]:
    """Decode the attachments of a JSON body; `prefix` names the field they came in."""
    found = []
    for index, item in enumerate(attachments):
        at = f"{prefix}.{index}." if prefix else ""
        content = read_base64(item.content_base64)
        if content is None:
            raise invalid({f"{at}content_base64": ["Not base64."]})
        found.append(upload(item.filename, item.content_type, content, f"{at}content_base64", at))
    return found


def as_json(model: BaseModel) -> Json:
    """Return the fields that were sent, by name."""
    return model.model_dump(include=model.model_fields_set)
