"""What callers send: the JSON bodies of the portal's REST, and attachments in three forms.

The edge between the wire and the rules: types, sizes, unknown fields. Whether a member exists or a
code is right is `validation.py`'s business.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox import limits
from sandbox.errors import Invalid, Malformed, TooLarge, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.playground.events import Request
from sandbox.simulators.portal.identifiers import Identifier
from sandbox.wire.base64_text import read_base64
from sandbox.wire.charsets import check_utf_8
from sandbox.wire.field_errors import field_errors
from sandbox.wire.media_types import is_json, normal_media_type
from sandbox.wire.multipart import parse_multipart

M = TypeVar("M", bound=BaseModel)

FILENAME_CHARS = 255


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


class NewPriorAuth(PriorAuthFields):
    """The body of `POST prior-auths`."""

    draft: bool = False


class Login(Body):
    """The body of `POST login`."""

    username: str = Field(max_length=200)
    password: str = Field(max_length=200)


@dataclass(frozen=True, slots=True)
class Upload:
    """An attachment as it came: a clean name, a media type, the bytes."""

    filename: str
    content_type: str
    content: bytes


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
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(field_errors(model, error)) from None


def invalid(details: dict[str, list[str]]) -> Invalid:
    """Make the error for these fields; the message is their problems in one line."""
    told = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in details.items())
    return Invalid(told if len(told) <= 1000 else told[:997] + "...", details=details)


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


def upload(filename: str, content_type: str, content: bytes, field: str, prefix: str = "") -> Upload:
    r"""Check one attachment's name, type and size.

    >>> upload("../x.pdf", "application/pdf", b"%PDF", "file")
    Traceback (most recent call last):
    ...
    sandbox.errors.Invalid: filename: Must be a plain file name without / or \ or control characters.
    """
    # U+FFFD stands for bytes that are no text.
    is_plain = all(char.isprintable() and char not in '/\\"\ufffd' for char in filename)
    if not is_plain or filename in ("", ".", ".."):
        problem = "Must be a plain file name without / or \\ or control characters."
        raise invalid({f"{prefix}filename": [problem]})
    if len(filename) > FILENAME_CHARS:
        raise invalid({f"{prefix}filename": [f"Longer than {FILENAME_CHARS} characters."]})
    media_type = normal_media_type(content_type)
    if media_type is None:
        raise invalid({f"{prefix}content_type": ["Not a media type, such as application/pdf."]})
    if not content:
        raise invalid({field: ["The file is empty."]})
    if len(content) > limits.FILE_BYTES:
        raise TooLarge(f"{filename} is larger than {limits.FILE_BYTES} bytes.")
    return Upload(filename, media_type, content)


def as_json(model: BaseModel) -> Json:
    """Return the fields that were sent, by name."""
    return model.model_dump(include=model.model_fields_set)
