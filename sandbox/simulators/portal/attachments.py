"""Files attached to prior authorizations.

`portal/attachments` holds what a file is, `portal/_attachment_content` its bytes under the same
key, and the request's row lists its attachments. Must not know when attaching is allowed.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from sandbox.errors import NotFound, TooLarge
from sandbox.jsonio import Json
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.bodies import Upload
from sandbox.simulators.portal.identifiers import normal

ATTACHMENTS: Final = "portal/attachments"
CONTENT: Final = "portal/_attachment_content"
MAX_ATTACHMENTS: Final = 50


def add(tx: Interaction, row: Json, uploads: Sequence[Upload]) -> Json:
    """Store the files and return the row that lists them; raises `TooLarge` past the limit."""
    if len(row["attachments"]) + len(uploads) > MAX_ATTACHMENTS:
        raise TooLarge(f"A prior authorization takes at most {MAX_ATTACHMENTS} attachments.")
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
        tx.put(ATTACHMENTS, attachment_id, {**about, "request_id": row["request_id"]})
        tx.put(CONTENT, attachment_id, item.content)
        listed.append(about)
    return {**row, "attachments": listed}


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
        raise NotFound(f'{row["request_id"]} has no attachment "{attachment_id[:100]}".')
    return about, content
