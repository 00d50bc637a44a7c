"""How a payer's portal is shown: its cases, members and claims, with what people call them."""

from typing import Final

from sandbox.jsonio import Json
from sandbox.payer.attachments import ATTACHMENTS, CONTENT
from sandbox.simulators.showing import Link, Views

_NAMING: Final = (
    "appeal_id",
    "claim_number",
    "request_id",
    "coverage_id",
    "member_id",
    "name",
    "procedure_code",
    "status",
    "state",
    "filename",
)
_LINKS: Final = {
    "request_id": "portal/prior_auth_requests",
    "patient_member_id": "portal/patients",
    "member_id": "portal/patients",
    "subscriber_id": "portal/patients",
    "duplicate_of": "portal/prior_auth_requests",
    "claim_number": "portal/claims",
    "appeal_id": "portal/appeals",
    "draft": "portal/drafts",
}


def title(collection: str, value: Json) -> str:
    """Return a case's procedure and state, a claim's or an appeal's number, a member's name.

    >>> title("portal/prior_auth_requests", {"procedure_code": "72148", "status": "submitted"})
    '72148, submitted'
    >>> title("portal/patients", {"first_name": "Ana", "last_name": "Reyes", "plan": "Gold"})
    'Ana Reyes'
    """
    if not isinstance(value, dict):
        return ""
    name = " ".join(word for n in ("first_name", "last_name") if isinstance(word := value.get(n), str))
    words = [name, *(value.get(n) for n in _NAMING)]
    return ", ".join(dict.fromkeys(word for word in words if isinstance(word, str) and word))[:120]


def find_link(name: str, text: str) -> Link | None:
    """Return where a case's or a member's number leads.

    >>> find_link("patient_member_id", "M1")
    Link(collection='portal/patients', key='M1')
    """
    collection = _LINKS.get(name)
    return Link(collection, text) if collection is not None and text else None


def find_content(collection: str, key: str, value: Json) -> tuple[Link, str] | None:
    """Return where an attachment's bytes are, and their type."""
    if collection != ATTACHMENTS or not isinstance(value, dict):
        return None
    kind = value.get("content_type")
    return Link(CONTENT, key), kind if isinstance(kind, str) else ""


VIEWS: Final = Views(title=title, find_link=find_link, find_content=find_content)
