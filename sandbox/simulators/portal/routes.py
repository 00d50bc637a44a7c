"""The portal's REST: from a request to a call of the rules, from a row to an answer.

Every route is below `portal/`. Must hold no rule of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlsplit

from sandbox import limits
from sandbox.errors import Conflict, Invalid, SandboxError, Unauthorized
from sandbox.jsonio import Json
from sandbox.payer import attachments, cases, lookup
from sandbox.payer.case_rows import find
from sandbox.payer.config import read_config
from sandbox.payer.lookup import Filters, Rows
from sandbox.payer.refusals import Refused, invalid
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import Route, render_json_error
from sandbox.simulators.portal import sessions
from sandbox.simulators.portal.bodies import (
    Login,
    NewPriorAuth,
    PriorAuthFields,
    as_json,
    inline_uploads,
    read_body,
    read_uploads,
)
from sandbox.simulators.portal.paging import page
from sandbox.wire.served_content import content_headers

Lister = Callable[[Interaction, Filters], Rows]


def _query(request: Request, *allowed: str) -> Filters:
    """Return the query by name; raises `Invalid` for an unknown, repeated or empty parameter."""
    found: Filters = {}
    details: dict[str, list[str]] = {}
    for name, value in request.query:
        if name not in allowed:
            known = ", ".join(allowed) or "none"
            details[name] = [f"Unknown parameter; this route knows: {known}."]
        elif name in found:
            details[name] = ["Given more than once."]
        elif not value.strip():
            details[name] = ["Empty; give a value or leave the parameter out."]
        found[name] = value
    if details:
        raise invalid(details)
    return found


def _listing(lister: Lister, *filters: str, is_descending: bool = False) -> Callable[[Interaction, Request], Response]:
    def handle(tx: Interaction, request: Request) -> Response:
        given = _query(request, *filters, "limit", "cursor")
        limit, cursor = given.pop("limit", None), given.pop("cursor", None)
        return Response.of_json(page(lister(tx, given), limit, cursor, is_descending=is_descending))

    return handle


# How the life cycle's calls are said to who uses this REST.
CALLS: Final[Mapping[str, str]] = {
    "update": "PATCH of it",
    "submit": "POST …/submit",
    "attach": "POST …/attachments",
    "withdraw": "POST …/withdraw",
    "resubmit": "POST …/resubmit",
    "appeal": "POST …/appeal",
    "external_review": "POST …/external-review",
    "request_peer_to_peer": "POST …/peer-to-peer",
    "choose_slot": "POST …/peer-to-peer/slot",
    "speak": "POST …/peer-to-peer/turns",
    "cancel_peer_to_peer": "DELETE …/peer-to-peer",
}


def worded(error: SandboxError) -> SandboxError:
    """Return a refusal with this REST's names for what is possible; any other error as it is."""
    return Conflict(error.said(CALLS)) if isinstance(error, Refused) else error


def _no_body(request: Request) -> None:
    if request.body.strip() not in (b"", b"{}"):
        raise Invalid("This route takes no body.")


def create_prior_auth(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths`."""
    _query(request)
    body = read_body(request, NewPriorAuth)
    uploads = inline_uploads(body.attachments or [], "attachments")
    fields = {name: value for name, value in as_json(body).items() if name != "draft" and value is not None}
    return _created(request, cases.create(tx, fields, uploads, is_draft=body.draft))


def read_prior_auth(tx: Interaction, request: Request) -> Response:
    """`GET prior-auths/{id}`."""
    _query(request)
    # A HEAD is not a read: it does not show what the payer decided. Nor is a look of who judges the agent.
    look = find if request.method == "HEAD" or tx.is_view else cases.read
    return Response.of_json(look(tx, request.params["id"]))


def update_prior_auth(tx: Interaction, request: Request) -> Response:
    """`PATCH prior-auths/{id}`."""
    _query(request)
    body = read_body(request, PriorAuthFields)
    uploads = inline_uploads(body.attachments or [], "attachments")
    return Response.of_json(cases.update(tx, request.params["id"], as_json(body), uploads))


def submit_prior_auth(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths/{id}/submit`."""
    _query(request)
    _no_body(request)
    return Response.of_json(cases.submit(tx, request.params["id"]))


def attach(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths/{id}/attachments`."""
    _query(request, "filename")
    return _created(request, cases.attach(tx, request.params["id"], read_uploads(request)))


def list_attachments(tx: Interaction, request: Request) -> Response:
    """`GET prior-auths/{id}/attachments`."""

    def rows(tx: Interaction, _: Filters) -> Rows:
        listed = find(tx, request.params["id"])["attachments"]
        return [((f"{index:06}",), item) for index, item in enumerate(listed)]

    return _listing(rows)(tx, request)


def read_attachment(tx: Interaction, request: Request) -> Response:
    """`GET prior-auths/{id}/attachments/{aid}`: the bytes, as they came."""
    _query(request)
    about, content = attachments.get(tx, find(tx, request.params["id"]), request.params["aid"])
    headers = content_headers(about["content_type"], about["filename"], is_download=True)
    return Response(200, content, about["content_type"], headers)


def read_patient(tx: Interaction, request: Request) -> Response:
    """`GET patients/{member_id}`."""
    _query(request)
    return Response.of_json(lookup.get_patient(tx, request.params["member_id"]))


def read_provider(tx: Interaction, request: Request) -> Response:
    """`GET providers/{npi}`."""
    _query(request)
    return Response.of_json(lookup.get_provider(tx, request.params["npi"]))


def front_page(tx: Interaction, request: Request) -> Response:
    """`GET portal`: where to log in and what there is, for who follows `portal_url`."""
    _query(request)
    root = f"{request.base_url}/portal"
    lists = ("prior-auths", "patients", "providers", "formulary", "questions")
    value = {
        "portal": read_config(tx.config).portal,
        "log_in": {"method": "POST", "url": f"{root}/login", "body": {"username": "…", "password": "…"}},
        "message": "Log in with the username and password of this sandbox's credentials; the session cookie opens all.",
        "links": {name: f"{root}/{name}" for name in lists},
    }
    return Response.of_json(value)


def log_in(tx: Interaction, request: Request) -> Response:
    """`POST login`: a session cookie, or 401. A failed attempt is an answer, so that it is kept."""
    _query(request)
    body = read_body(request, Login)
    attempt = sessions.log_in(tx, body.username, body.password)
    if attempt.token is None:
        return render_json_error(Unauthorized("Wrong username or password; they are in the sandbox's credentials."))
    return Response.of_json({"username": attempt.username}, 200, Set_Cookie=_cookie(request, attempt.token))


def named_user(request: Request) -> str | None:
    """Return the user name of a log-in, None where the body has none."""
    try:
        return read_body(request, Login).username
    except SandboxError:
        return None


def log_out(tx: Interaction, request: Request) -> Response:
    """`POST logout`: end the cookie's session; without one there is nothing to end."""
    _query(request)
    _no_body(request)
    sessions.log_out(tx, request.headers.get("cookie"))
    return Response(204, b"", None, {"Set-Cookie": f"{_cookie(request, '')}; Max-Age=0"})


def _cookie(request: Request, token: str) -> str:
    path = f"{urlsplit(request.base_url).path}/portal"
    return f"{sessions.COOKIE}={token}; Path={path}; HttpOnly; SameSite=Strict"


def _created(request: Request, row: Json) -> Response:
    path = f"{urlsplit(request.base_url).path}/portal/prior-auths/{quote(row['request_id'], safe='')}"
    return Response.of_json(row, 201, Location=path)


def routes() -> Sequence[Route]:
    """Return every route of the portal."""
    auths, auth = "portal/prior-auths", "portal/prior-auths/{id}"
    list_auths = _listing(
        lookup.list_prior_auths,
        "status",
        "determination",
        "patient_member_id",
        "procedure_code",
        is_descending=True,
    )
    list_patients = _listing(lookup.list_patients, "member_id", "name", "birth_date")
    list_providers = _listing(lookup.list_providers, "npi", "name")
    event = "portal_request"
    return (
        Route("POST", auths, create_prior_auth, event, "Create a prior authorization, submitted or as a draft"),
        Route("GET", auths, list_auths, event, "List prior authorizations"),
        Route("GET", auth, read_prior_auth, event, "Read a prior authorization and its determination"),
        Route("PATCH", auth, update_prior_auth, event, "Change a draft, or answer need_more_info"),
        Route("POST", f"{auth}/submit", submit_prior_auth, event, "Submit a draft, or the attachments asked for"),
        Route("POST", f"{auth}/attachments", attach, event, "Attach files"),
        Route("GET", f"{auth}/attachments", list_attachments, event, "List attachments", is_upstream=False),
        Route("GET", f"{auth}/attachments/{{aid}}", read_attachment, event, "Download one", is_upstream=False),
        Route("GET", "portal/patients", list_patients, event, "Find members"),
        Route("GET", "portal/patients/{member_id}", read_patient, event, "Read a member and the coverage"),
        Route("GET", "portal/providers", list_providers, event, "Find providers"),
        Route("GET", "portal/providers/{npi}", read_provider, event, "Read a provider", is_upstream=False),
        Route("GET", "portal/formulary", _listing(lookup.list_formulary, "drug"), event, "Find drugs"),
        Route(
            "GET",
            "portal/questions",
            _listing(lookup.list_questions, "procedure_code"),
            event,
            "Read the clinical questions of a procedure",
            is_upstream=False,
        ),
        Route("GET", "portal", front_page, event, "What this is and how to log in", access="document"),
        Route(
            "POST",
            "portal/login",
            log_in,
            "portal_login",
            "Open a session",
            redact=("password",),
            body_limit=limits.LOGIN_BODY_BYTES,
            access="door",
        ),
        Route("POST", "portal/logout", log_out, event, "End the session", is_upstream=False),
    )
