"""Files attached to prior authorizations and to appeals.

`portal/attachments` holds what a file is, `portal/_attachment_content` its bytes under the same
key, and the row it belongs to lists it. Must not know when attaching is allowed, nor how files come.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox import limits
from sandbox.errors import NotFound, TooLarge, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.payer.config import payer_config
from sandbox.payer.identifiers import normal
from sandbox.payer.refusals import invalid
from sandbox.playground.playground import Interaction
from sandbox.wire.media_types import normal_media_type, read_media_type

ATTACHMENTS: Final = "portal/attachments"
CONTENT: Final = "portal/_attachment_content"
MAX_ATTACHMENTS: Final = 50
FILENAME_CHARS: Final = 255


@dataclass(frozen=True, slots=True)
class Upload:
    """An attachment as it came: a clean name, a media type, the bytes."""

    filename: str
    content_type: str
    content: bytes


def upload(filename: str, content_type: str, content: bytes, field: str, prefix: str = "") -> Upload:
    r"""Check one attachment's name, type and size; raises `Invalid` naming the field, `TooLarge`.

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


def add(tx: Interaction, row: Json, uploads: Sequence[Upload], *, appeal_id: str | None = None) -> Json:
    """Store the files and return the row that lists them.

    The payer's limits hold: raises `TooLarge` for too many or too large ones, `UnsupportedMedia` for a type it does not
    take.
    """
    bounds = payer_config(tx).attachments
    if len(row["attachments"]) + len(uploads) > bounds.max_count:
        raise TooLarge(f"A prior authorization takes at most {bounds.max_count} attachments.")
    for item in uploads:
        if len(item.content) > bounds.max_bytes:
            raise TooLarge(
                f"{item.filename} has {len(item.content)} bytes; this payer takes {bounds.max_bytes} a file."
            )
        kind = read_media_type(item.content_type).name
        if bounds.content_types is not None and kind not in bounds.content_types:
            raise UnsupportedMedia(f"{item.filename} is {kind}; this payer takes {', '.join(bounds.content_types)}.")
    listed = list(row["attachments"])
    for item in uploads:
        attachment_id = tx.new_id("att")
        about = {
            "id": attachment_id,
            "filename": item.filename,
            "content_type": item.content_type,
            "size": len(item.content),
            "sha256": hashlib.sha256(item.content).hexdigest(),
            "uploaded_at": tx.now_text,
        }
        owner = {"request_id": row.get("request_id"), **({} if appeal_id is None else {"appeal_id": appeal_id})}
        tx.put(ATTACHMENTS, attachment_id, {**about, **owner})
        tx.put(CONTENT, attachment_id, item.content)
        listed.append(about)
    return {**row, "attachments": listed}


def not_held(row: Json, uploads: Sequence[Upload]) -> list[Upload]:
    """Return those of the files that a row does not list yet, by name and content."""
    held = {(item["filename"], item["sha256"]) for item in row["attachments"]}
    return [item for item in uploads if (item.filename, hashlib.sha256(item.content).hexdigest()) not in held]


def remove_all(tx: Interaction, row: Json) -> Json:
    """Delete a row's files and return the row without them."""
    for about in row["attachments"]:
        tx.delete(ATTACHMENTS, about["id"])
        tx.delete(CONTENT, about["id"])
    return {**row, "attachments": []}


def get(tx: Interaction, row: Json, attachment_id: str) -> tuple[Json, bytes]:
    """Return what a file is and its bytes; raises `NotFound`."""
    wanted = normal(attachment_id)
    about = next((item for item in row["attachments"] if normal(item["id"]) == wanted), None)
    content = tx.get(CONTENT, about["id"]) if about is not None else None
    if about is None or not isinstance(content, bytes):
        owner = row["request_id"] or row.get("appeal_id")
        raise NotFound(f'{owner} has no attachment "{attachment_id[:100]}".')
    return about, content
