"""The payer's portal for a model that calls tools: look up, ask for an authorization, follow it."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from sandbox.jsonio import Json
from sandbox.simulators.tools import (
    CONTENT,
    Arguments,
    Call,
    ContentArguments,
    Reply,
    Tool,
    answered,
    pairs,
    shape,
    show_content,
)

# What names a case is told where one is read; the other tools go without, since a model reads all of them.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Id = Annotated[Name, Field(description="request_id or auth_number.")]


class Page(Arguments):
    """Which part of a list is wanted: `cursor` is `next_cursor` of the answer before."""

    limit: Annotated[int | None, Field(ge=1, le=100)] = None
    cursor: str | None = None


class Patients(Page):
    """Arguments of `portal_patients`."""

    member_id: str | None = None
    name: str | None = None
    birth_date: Annotated[str | None, Field(description="YYYY-MM-DD")] = None


class Providers(Page):
    """Arguments of `portal_providers`."""

    npi: str | None = None
    name: str | None = None


class Formulary(Page):
    """Arguments of `portal_formulary`."""

    drug: str | None = None


class Questions(Page):
    """Arguments of `portal_questions`."""

    procedure_code: str | None = None


class PriorAuths(Page):
    """Arguments of `portal_list_prior_auths`."""

    status: Literal["draft", "submitted"] | None = None
    determination: str | None = None
    patient_member_id: str | None = None
    procedure_code: str | None = None


class One(Arguments):
    """Arguments of `portal_read_prior_auth` and `portal_submit_prior_auth`."""

    id: Id


class Fields(Arguments):
    """What is written of a prior authorization."""

    patient_member_id: str | None = None
    procedure_code: Annotated[str | None, Field(description="CPT or HCPCS.")] = None
    diagnosis_codes: Annotated[list[str] | None, Field(description="ICD-10-CM.")] = None
    provider_npi: str | None = None
    clinical_answers: Annotated[dict[str, Any] | None, Field(description="By the id of each of portal_questions.")] = (
        None
    )
    notes: str | None = None
    units: int | None = None


class Create(Fields):
    """Arguments of `portal_create_prior_auth`."""

    draft: Annotated[bool, Field(description="Keep it without submitting it.")] = False


class Update(Fields):
    """Arguments of `portal_update_prior_auth`."""

    id: Name


class Attach(Arguments):
    """Arguments of `portal_attach`."""

    id: Name
    filename: str
    content_base64: str
    content_type: str = "application/octet-stream"


class ReadAttachment(ContentArguments):
    """Arguments of `portal_read_attachment`."""

    id: Name
    attachment_id: Name


class Act(Arguments):
    """Arguments of `portal_act`."""

    id: Name
    action: Literal[
        "withdraw",
        "resubmit",
        "appeal",
        "external_review",
        "request_peer_to_peer",
        "choose_slot",
        "speak",
        "cancel_peer_to_peer",
        "appeal_claim",
    ]
    text: Annotated[str | None, Field(description="Reason, rationale, words; slot; contact.")] = None
    phone: str | None = None


class Plan(Arguments):
    """Arguments of `portal_plan`."""

    member_id: str
    claims: bool = False


# An action's path below the case, and the field its text is; resubmission has none, it sends what the case holds.
_ACTIONS: Final = {
    "withdraw": ("withdraw", "reason"),
    "resubmit": ("resubmit", None),
    "appeal": ("appeal", "rationale"),
    "external_review": ("external-review", "rationale"),
    "request_peer_to_peer": ("peer-to-peer", "contact"),
    "choose_slot": ("peer-to-peer/slot", None),
    "speak": ("peer-to-peer/turns", "text"),
}


def _act(arguments: Act) -> Call:
    if arguments.action == "appeal_claim":
        return Call.of_json("POST", f"portal/claims/{arguments.id}/appeal", {"rationale": arguments.text or ""})
    path = f"portal/prior-auths/{arguments.id}"
    if arguments.action == "cancel_peer_to_peer":
        return Call("DELETE", f"{path}/peer-to-peer")
    below, name = _ACTIONS[arguments.action]
    body: dict[str, Json] = {}
    if arguments.action == "choose_slot":
        is_number = arguments.text is not None and arguments.text.isascii() and arguments.text.isdigit()
        body["slot"] = int((arguments.text or "")[:9]) if is_number else arguments.text
    elif arguments.text is not None:
        body[name or "text"] = arguments.text
    if arguments.phone is not None:
        body["phone"] = arguments.phone
    return Call.of_json("POST", f"{path}/{below}", body)


def _show_act(_: Act, reply: Reply) -> dict[str, Json]:
    return reply.json() if reply.body else {"done": True}


def _plan(arguments: Plan) -> Call:
    path = "portal/claims" if arguments.claims else "portal/eligibility"
    return Call("GET", path, pairs(member_id=arguments.member_id))


def _get(path: str) -> Any:
    def call(arguments: Page) -> Call:
        return Call("GET", path, pairs(**arguments.model_dump(exclude_none=True)))

    return call


def _show_page(_: Page, reply: Reply) -> dict[str, Json]:
    value = reply.json()
    return {"data": value["data"], "next_cursor": value["next_cursor"]}


def _read(arguments: One) -> Call:
    return Call("GET", f"portal/prior-auths/{arguments.id}")


def _create(arguments: Create) -> Call:
    return Call.of_json("POST", "portal/prior-auths", arguments.model_dump(exclude_unset=True))


def _update(arguments: Update) -> Call:
    fields = arguments.model_dump(exclude_unset=True, exclude={"id"})
    return Call.of_json("PATCH", f"portal/prior-auths/{arguments.id}", fields)


def _submit(arguments: One) -> Call:
    return Call("POST", f"portal/prior-auths/{arguments.id}/submit")


def _attach(arguments: Attach) -> Call:
    return Call.of_json("POST", f"portal/prior-auths/{arguments.id}/attachments", arguments.model_dump(exclude={"id"}))


def _read_attachment(arguments: ReadAttachment) -> Call:
    return Call("GET", f"portal/prior-auths/{arguments.id}/attachments/{arguments.attachment_id}")


# What is answered speaks for itself: a model reads the shapes of all tools before it calls one.
_PAGE: Final = shape()
_AUTH: Final = shape()


def _list(name: str, description: str, arguments: type[Page], path: str) -> Tool:
    return Tool(name, description, arguments, _get(f"portal/{path}"), _show_page, _PAGE, is_read=True)


TOOLS: Final[tuple[Tool, ...]] = (
    _list("portal_patients", "Find members of the payer and their coverage.", Patients, "patients"),
    _list("portal_providers", "Find providers the payer knows.", Providers, "providers"),
    _list("portal_formulary", "Look drugs up in the payer's formulary.", Formulary, "formulary"),
    _list("portal_questions", "Read the clinical questions the payer asks for a procedure.", Questions, "questions"),
    _list("portal_list_prior_auths", "List prior authorizations, newest first.", PriorAuths, "prior-auths"),
    Tool(
        "portal_read_prior_auth",
        "Read a prior authorization and what the payer determined; it may take time, see clock_wait.",
        One,
        _read,
        answered,
        _AUTH,
        is_read=True,
    ),
    Tool(
        "portal_create_prior_auth",
        "Ask for a prior authorization. It is submitted at once unless draft is set.",
        Create,
        _create,
        answered,
        _AUTH,
    ),
    Tool(
        "portal_update_prior_auth",
        "Change a draft, or answer need_more_info.",
        Update,
        _update,
        answered,
        _AUTH,
        is_destructive=True,
    ),
    Tool("portal_submit_prior_auth", "Submit a draft.", One, _submit, answered, _AUTH),
    Tool("portal_attach", "Attach a file to a prior authorization.", Attach, _attach, answered, _AUTH),
    Tool(
        "portal_read_attachment",
        "Read an attachment.",
        ReadAttachment,
        _read_attachment,
        show_content,
        CONTENT,
        is_read=True,
    ),
    Tool(
        "portal_act",
        "Act on a prior authorization (or a claim); a refusal says what is possible.",
        Act,
        _act,
        _show_act,
        shape(),
        is_destructive=True,
    ),
    Tool("portal_plan", "A member's benefits, or claims.", Plan, _plan, answered, shape(), is_read=True),
)
