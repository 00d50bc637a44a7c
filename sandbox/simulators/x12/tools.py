"""The clearinghouse for a model that calls tools: eligibility, claims, prior authorizations, raw interchanges."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from sandbox.jsonio import Json
from sandbox.simulators.tools import Arguments, Call, Reply, Tool, answered, shape


class Whom(Arguments):
    """Whom a request is about."""

    patient_id: Annotated[str | None, Field(description="Id of a FHIR Patient, instead.")] = None
    member_id: str | None = None
    last_name: str | None = None
    first_name: str | None = None
    birth_date: str | None = None
    provider_npi: str | None = None


class Eligibility(Whom):
    """Arguments of `x12_eligibility`."""

    service_type_codes: Annotated[list[str] | None, Field(description="X12 service type codes; 30 for all.")] = None
    procedure_code: str | None = None
    service_date: Annotated[str | None, Field(description="YYYY-MM-DD")] = None


class ClaimStatus(Whom):
    """Arguments of `x12_claim_status`."""

    claim_number: str | None = None
    service_date: str | None = None
    service_end_date: str | None = None


class PriorAuth(Whom):
    """Arguments of `x12_prior_auth`."""

    action: Literal["request", "inquiry", "update", "cancel", "resubmit", "appeal"] = "request"
    authorization_number: Annotated[
        str | None, Field(description="Authorization or tracking number, for all but a new request.")
    ] = None
    procedure_code: str | None = None
    diagnosis_codes: list[str] | None = None
    units: int | None = None
    service_date: str | None = None
    clinical_answers: Annotated[dict[str, Any] | None, Field(description="By the id of the payer's question.")] = None
    notes: str | None = None


class Send(Arguments):
    """Arguments of `x12_send`."""

    x12: Annotated[str, Field(description="Interchanges, from ISA on.")]


def _ask(path: str) -> Any:
    def call(arguments: Whom) -> Call:
        return Call.of_json("POST", f"clearinghouse/{path}", arguments.model_dump(exclude_none=True))

    return call


def _send(arguments: Send) -> Call:
    return Call.of_json("POST", "clearinghouse/transactions", {"x12": arguments.x12})


def _show(_: Whom, reply: Reply) -> dict[str, Json]:
    """Show what was answered, without the request that was written for it."""
    value: dict[str, Json] = reply.json()
    return {name: part for name, part in value.items() if name != "request_x12"}


# What is answered speaks for itself: a model reads the shapes of all tools before it calls one.
_ANSWER: Final = shape()
TOOLS: Final[tuple[Tool, ...]] = (
    Tool(
        "x12_eligibility",
        "Ask the payer whether a member is covered and for what (270/271).",
        Eligibility,
        _ask("eligibility"),
        _show,
        _ANSWER,
    ),
    Tool(
        "x12_claim_status",
        "Ask the payer where claims stand (276/277).",
        ClaimStatus,
        _ask("claim-status"),
        _show,
        _ANSWER,
    ),
    Tool(
        "x12_prior_auth",
        "Act on a prior authorization (278).",
        PriorAuth,
        _ask("prior-auth"),
        _show,
        _ANSWER,
    ),
    Tool(
        "x12_send",
        "Send X12 005010 interchanges; what is wrong in them is answered with TA1 or 999.",
        Send,
        _send,
        answered,
        shape(x12="string", transactions="array"),
    ),
)
