"""What a Claim brings along to support it (`Claim.supportingInfo`): notes, clinical answers, files.

Text and values become notes; a QuestionnaireResponse becomes answers; a DocumentReference's content, an attachment and
a Binary become files as they are; any other resource becomes a file of its JSON, so that nothing of it is lost.
"""

from dataclasses import dataclass, field
from typing import Final

from sandbox import jsonio
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.payer.attachments import Upload, upload
from sandbox.r4.names import MEDIA_TYPE
from sandbox.simulators.portal.fhir.responses import Answers, read_answers
from sandbox.simulators.portal.fhir.sent import CLAIM_AT, Found, Sent
from sandbox.simulators.portal.fhir.terms import CANCELLED_FLAGS, code_in, part, parts, text
from sandbox.wire.base64_text import read_base64

_EXTENSIONS: Final = {
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tiff",
    "text/xml": ".xml",
    "application/xml": ".xml",
}


@dataclass(slots=True)
class Evidence:
    """What one entry brings; `sequence` is its number."""

    sequence: int
    notes: list[str] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    responses: list[Answers] = field(default_factory=list)


def read_evidence(sent: Sent) -> list[Evidence]:
    """Return what the Claim's entries bring, less those that were taken back.

    Raises `Invalid` for what is named and not there, `TooLarge` for a file beyond the limit.
    """
    found = []
    for index, row in enumerate(parts(sent.claim.resource, "supportingInfo")):
        if is_cancelled(row):
            continue
        at = f"{CLAIM_AT}.supportingInfo[{index}]"
        sequence = row["sequence"]
        evidence = Evidence(sequence)
        kind = code_in(part(row, "category"))
        if isinstance(row.get("valueString"), str):
            evidence.notes.append(row["valueString"].strip())
        elif "valueBoolean" in row:
            evidence.notes.append(f"{kind}: {'yes' if row['valueBoolean'] else 'no'}")
        elif "valueQuantity" in row:
            quantity = part(row, "valueQuantity")
            evidence.notes.append(f"{kind}: {quantity.get('value')} {text(quantity, 'unit')}".strip())
        elif "valueAttachment" in row:
            evidence.uploads.append(_file(part(row, "valueAttachment"), sequence, f"{at}.valueAttachment"))
        elif "valueReference" in row:
            named = sent.need(part(row, "valueReference"), "What supportingInfo refers to", f"{at}.valueReference")
            read_one(sent, named, evidence, f"{at}.valueReference")
        found.append(evidence)
    return found


def is_cancelled(row: Json) -> bool:
    """Whether an item or an entry of supporting information is flagged as taken back."""
    flags = (one for one in parts(row, "modifierExtension") if text(one, "url") in CANCELLED_FLAGS)
    return any(one.get("valueBoolean") is True for one in flags)


def read_one(sent: Sent, found: Found, evidence: Evidence, at: str) -> None:
    """Add what one resource brings. Raises `Invalid` for a DocumentReference without content, `TooLarge`."""
    match found.type:
        case "QuestionnaireResponse":
            evidence.responses.append(read_answers(found.resource))
        case "DocumentReference":
            evidence.uploads += files_of(sent, found, evidence.sequence, at)
        case "Binary":
            evidence.uploads.append(_file(_of_binary(found.resource), evidence.sequence, at))
        case _:
            name = f"{found.type}-{text(found.resource, 'id') or evidence.sequence}.json"
            evidence.uploads.append(upload(name, MEDIA_TYPE, jsonio.dump(found.resource), at))


def files_of(sent: Sent, found: Found, sequence: int, at: str) -> list[Upload]:
    """Return the files of a DocumentReference; raises `Invalid` where it has none, or not in the Bundle."""
    files = []
    for content in parts(found.resource, "content"):
        attachment = part(content, "attachment")
        if not text(attachment, "data"):
            binary = sent.find({"reference": text(attachment, "url")}, found)
            if binary is None or binary.type != "Binary":
                message = (
                    "A DocumentReference's content must be in the Bundle: as data, or a Binary that its url names."
                )
                raise Invalid(message, issue_type="not-found", expression=at)
            attachment = {**_of_binary(binary.resource), **{k: v for k, v in attachment.items() if k != "url"}}
        title = text(attachment, "title") or text(found.resource, "description")
        files.append(_file({**attachment, "title": title}, sequence, at))
    if not files:
        raise Invalid("A DocumentReference without content supports nothing.", issue_type="required", expression=at)
    return files


def _of_binary(binary: Json) -> Json:
    return {"contentType": text(binary, "contentType"), "data": text(binary, "data")}


def _file(attachment: Json, sequence: int, at: str) -> Upload:
    """Return an Attachment as a file. Its title is its name, less what no name may have."""
    content = read_base64(text(attachment, "data"))
    if content is None:
        raise Invalid("The data of the attachment is not base64.", issue_type="value", expression=at)
    kind = text(attachment, "contentType") or "application/octet-stream"
    title = text(attachment, "title")
    name = "".join(char if char.isprintable() and char not in '/\\"\ufffd' else "-" for char in title)[:200].strip(". ")
    extension = _EXTENSIONS.get(kind.partition(";")[0].strip().lower(), "")
    name = name or f"document-{sequence}"
    return upload(name if "." in name else name + extension, kind, content, at)
