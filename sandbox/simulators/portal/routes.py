"""The portal's REST: from a request to a call of the rules, from a row to an answer.

Every route is below `portal/`. Must hold no rule of its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote, urlsplit

from sandbox import jsonio, limits
from sandbox.errors import SandboxError, Unauthorized
from sandbox.jsonio import Json
from sandbox.payer import attachments, cases, lookup
from sandbox.payer.case_rows import find
from sandbox.payer.config import payer_config
from sandbox.payer.lookup import Filters, Rows
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import Route, RouteHandler, render_json_error
from sandbox.simulators.portal import case_routes, plan_routes, sessions
from sandbox.simulators.portal.bodies import (
    Login,
    NewPriorAuth,
    OneTimeCode,
    PriorAuthFields,
    as_json,
    inline_uploads,
    read_body,
    read_uploads,
)
from sandbox.simulators.portal.queries import listing, no_body, read_query, worded
from sandbox.simulators.portal.versions import versioned
from sandbox.wire.forms import FORM, parse_form
from sandbox.wire.served_content import content_headers


def create_prior_auth(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths`."""
    read_query(request)
    body = read_body(request, NewPriorAuth)
    uploads = inline_uploads(body.attachments or [], "attachments")
    fields = {name: value for name, value in as_json(body).items() if name != "draft" and value is not None}
    return _created(request, cases.create(tx, fields, uploads, is_draft=body.draft))


def read_prior_auth(tx: Interaction, request: Request) -> Response:
    """`GET prior-auths/{id}`."""
    read_query(request)
    # A HEAD is not a read: it does not show what the payer decided. Nor is a look of who judges the agent.
    look = find if request.method == "HEAD" or tx.is_view else cases.read
    return Response.of_json(look(tx, request.params["id"]))


def update_prior_auth(tx: Interaction, request: Request) -> Response:
    """`PATCH prior-auths/{id}`."""
    read_query(request)
    body = read_body(request, PriorAuthFields)
    uploads = inline_uploads(body.attachments or [], "attachments")
    return Response.of_json(cases.update(tx, request.params["id"], as_json(body), uploads))


def submit_prior_auth(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths/{id}/submit`."""
    read_query(request)
    no_body(request)
    return Response.of_json(cases.submit(tx, request.params["id"]))


def attach(tx: Interaction, request: Request) -> Response:
    """`POST prior-auths/{id}/attachments`."""
    read_query(request, "filename")
    return _created(request, cases.attach(tx, request.params["id"], read_uploads(request)))


def list_attachments(tx: Interaction, request: Request) -> Response:
    """`GET prior-auths/{id}/attachments`."""

    def rows(tx: Interaction, _: Filters) -> Rows:
        listed = find(tx, request.params["id"])["attachments"]
        return [((f"{index:06}",), item) for index, item in enumerate(listed)]

    return listing(rows)(tx, request)


def read_attachment(tx: Interaction, request: Request) -> Response:
    """`GET prior-auths/{id}/attachments/{aid}`: the bytes, as they came."""
    read_query(request)
    about, content = attachments.get(tx, find(tx, request.params["id"]), request.params["aid"])
    headers = content_headers(about["content_type"], about["filename"], is_download=True)
    return Response(200, content, about["content_type"], headers)


def read_patient(tx: Interaction, request: Request) -> Response:
    """`GET patients/{member_id}`."""
    read_query(request)
    return Response.of_json(lookup.get_patient(tx, request.params["member_id"]))


def read_provider(tx: Interaction, request: Request) -> Response:
    """`GET providers/{npi}`."""
    read_query(request)
    return Response.of_json(lookup.get_provider(tx, request.params["npi"]))


def front_page(tx: Interaction, request: Request) -> Response:
    """`GET portal`: where to log in and what there is, for who follows `portal_url`."""
    read_query(request)
    root = f"{request.base_url}/portal"
    lists = ("prior-auths", "patients", "providers", "formulary", "questions")
    value = {
        "portal": payer_config(tx).portal,
        "log_in": {"method": "POST", "url": f"{root}/login", "body": {"username": "…", "password": "…"}},
        "message": "Log in with the username and password of this sandbox's credentials; the session cookie opens all.",
        "pages": f"{root}/web/",
        "links": {name: f"{root}/{name}" for name in lists},
    }
    return Response.of_json(value)


def log_in(tx: Interaction, request: Request) -> Response:
    """`POST login`: a session cookie, or 401. A failed attempt is an answer, so that it is kept."""
    read_query(request)
    body = read_body(request, Login)
    attempt = sessions.log_in(tx, body.username, body.password)
    if attempt.token is None:
        return render_json_error(Unauthorized("Wrong username or password; they are in the sandbox's credentials."))
    return _entered(tx, request, attempt)


def give_code(tx: Interaction, request: Request) -> Response:
    """`POST login/code`: the session that waits for its one-time code opens, or 401, which is kept."""
    read_query(request)
    body = read_body(request, OneTimeCode)
    attempt = sessions.give_code(tx, request.headers.get("cookie"), body.code)
    if attempt.token is None:
        return render_json_error(Unauthorized("The code is wrong, or too late; log in again for another one."))
    return _entered(tx, request, attempt)


def _entered(tx: Interaction, request: Request, attempt: sessions.LoginAttempt) -> Response:
    """Answer who logged in. Where sessions end or codes are sent, it says so."""
    value: dict[str, Json] = {"username": attempt.username}
    config = payer_config(tx).sessions
    if config.one_time_code:
        value |= {"code_required": attempt.code_sent_to is not None, "code_sent_to": attempt.code_sent_to}
    if config.idle_seconds is not None:
        value |= {"idle_seconds": config.idle_seconds, "draft": attempt.draft}
    return Response.of_json(value, 200, Set_Cookie=sessions.cookie(request.base_url, attempt.token or ""))


def in_session(handler: RouteHandler) -> RouteHandler:
    """Return the handler of a route that a session may call: each call of it puts the session's end off.

    A refused call was a use, too: what it changed is undone, and the answer is the refusal.
    """

    def handle(tx: Interaction, request: Request) -> Response:
        session_id = None if tx.is_view else sessions.use(tx, request.headers.get("cookie"))
        if session_id is None:
            return handler(tx, request)
        savepoint = tx.savepoint()
        try:
            response = handler(tx, request)
        except SandboxError as error:
            tx.rollback(savepoint)
            return render_json_error(worded(error))
        if request.method in ("POST", "PATCH") and response.status in (200, 201) and "/prior-auths" in request.path:
            sessions.note_draft(tx, session_id, jsonio.parse(response.body))
        return response

    return handle


def named_user(request: Request) -> str | None:
    """Return the user name of a log-in, by JSON or a form; None where the body has none."""
    try:
        if request.media_type == FORM:
            return dict(parse_form(request.body)).get("username")
        return read_body(request, Login).username
    except SandboxError:
        return None


def log_out(tx: Interaction, request: Request) -> Response:
    """`POST logout`: end the cookie's session; without one there is nothing to end."""
    read_query(request)
    no_body(request)
    sessions.log_out(tx, request.headers.get("cookie"))
    return Response(204, b"", None, {"Set-Cookie": sessions.cookie(request.base_url, "")})


def _created(request: Request, row: Json) -> Response:
    path = f"{urlsplit(request.base_url).path}/portal/prior-auths/{quote(row['request_id'], safe='')}"
    return Response.of_json(row, 201, Location=path)


def routes() -> Sequence[Route]:
    """Return every route of the portal."""
    auths, auth = "portal/prior-auths", "portal/prior-auths/{id}"
    list_auths = listing(
        lookup.list_prior_auths,
        "status",
        "determination",
        "state",
        "patient_member_id",
        "procedure_code",
        is_descending=True,
    )
    list_patients = listing(lookup.list_patients, "member_id", "name", "birth_date")
    list_providers = listing(lookup.list_providers, "npi", "name")
    event = "portal_request"
    found = (
        Route(
            "POST", auths, versioned(create_prior_auth), event, "Create a prior authorization, submitted or as a draft"
        ),
        Route("GET", auths, list_auths, event, "List prior authorizations"),
        Route("GET", auth, versioned(read_prior_auth), event, "Read a prior authorization and its determination"),
        Route("PATCH", auth, versioned(update_prior_auth), event, "Change a draft, or answer need_more_info"),
        Route(
            "POST",
            f"{auth}/submit",
            versioned(submit_prior_auth),
            event,
            "Submit a draft, or the attachments asked for",
        ),
        Route("POST", f"{auth}/attachments", versioned(attach), event, "Attach files"),
        Route("GET", f"{auth}/attachments", list_attachments, event, "List attachments", is_upstream=False),
        Route("GET", f"{auth}/attachments/{{aid}}", read_attachment, event, "Download one", is_upstream=False),
        Route("GET", "portal/patients", list_patients, event, "Find members"),
        Route("GET", "portal/patients/{member_id}", read_patient, event, "Read a member and the coverage"),
        Route("GET", "portal/providers", list_providers, event, "Find providers"),
        Route("GET", "portal/providers/{npi}", read_provider, event, "Read a provider", is_upstream=False),
        Route("GET", "portal/formulary", listing(lookup.list_formulary, "drug"), event, "Find drugs"),
        Route(
            "GET",
            "portal/questions",
            listing(lookup.list_questions, "procedure_code"),
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
        Route(
            "POST",
            "portal/login/code",
            give_code,
            "portal_login",
            "Give the one-time code",
            is_upstream=False,
            redact=("code",),
            body_limit=limits.LOGIN_BODY_BYTES,
            access="door",
        ),
        Route("POST", "portal/logout", log_out, event, "End the session", is_upstream=False),
        *case_routes.routes(),
        *plan_routes.routes(),
    )
    return [replace(r, handler=in_session(r.handler)) if r.access == "credential" else r for r in found]
