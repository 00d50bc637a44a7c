"""The routes below `portal/web/`, and what every page of a session goes through.

The server mounts a few routes: logging in and what else is for everybody, and one for all pages of who has logged in;
which pages there are is in the tables of the skins.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sandbox import limits
from sandbox.errors import (
    Conflict,
    Invalid,
    MethodNotAllowed,
    NotFound,
    SandboxError,
    TooLarge,
    Unauthorized,
    UnsupportedMedia,
)
from sandbox.payer.case_rows import find
from sandbox.payer.config import payer_config
from sandbox.payer.lifecycle import possible_in
from sandbox.payer.refusals import Refused
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.base import Route
from sandbox.simulators.portal import sessions
from sandbox.simulators.portal.web import csrf, login, public, shell
from sandbox.simulators.portal.web.case.amend import Stale
from sandbox.simulators.portal.web.case.calls import CALLS, links_of
from sandbox.simulators.portal.web.forms import read_form
from sandbox.simulators.portal.web.pages import ROOT, Page, Visit, request_at, secret_of
from sandbox.simulators.portal.web.skins import skin_of

EVENT: Final = "portal_page"
_LOOKS: Final = ("GET", "HEAD")


def enter(tx: Interaction, request: Request) -> Response:
    """`GET portal/web`: on to the log-in."""
    return Response(303, b"", None, {**shell.HEADERS, "Location": "web/"})


def serve(tx: Interaction, request: Request) -> Response:
    """Serve a page of a session. What it refuses is undone and shown as a page; the look was a use all the same."""
    cookie = request.headers.get("cookie")
    session_id = sessions.find_open(tx, cookie)
    if session_id is None:
        sessions.has_session(tx, cookie)
        raise Unauthorized(login.NEEDED)
    timed = None if tx.is_view else sessions.use(tx, cookie)
    config = payer_config(tx)
    visit = Visit(tx, request, config, skin_of(config.portal), session_id)
    savepoint = tx.savepoint()
    page = None
    try:
        page = _find(visit)
        response = _answer(visit, page)
    except SandboxError as error:
        tx.rollback(savepoint)
        visit.row = None
        response = _refused(visit, page, error)
    if timed is not None and visit.row is not None:
        sessions.note_draft(tx, timed, visit.row)
    return response


def _find(visit: Visit) -> Page:
    found = visit.skin.find(visit.here)
    if found is None:
        raise NotFound("The portal has no page at this address.")
    page, visit.params = found
    if visit.request.method not in page.methods:
        allowed = ", ".join(page.methods)
        raise MethodNotAllowed(f"This page takes {allowed}, not {visit.request.method}.", headers={"Allow": allowed})
    return page


def _answer(visit: Visit, page: Page) -> Response:
    if visit.request.method in _LOOKS or page.send is None:
        return page.show(visit)
    form = read_form(visit.request)
    given = form.values.get(csrf.FIELD) or ("",)
    csrf.check_token(visit.session_id, secret_of(visit.tx), given[0])
    values = {name: value for name, value in form.values.items() if name != csrf.FIELD}
    visit.form = replace(form, values=values)
    return page.send(visit)


def _refused(visit: Visit, page: Page | None, error: SandboxError) -> Response:
    """Show what was refused: a form again, with what is wrong beside its fields; else a page that says what to do."""
    is_form = (
        page is not None and visit.form.is_sent and isinstance(error, Invalid | TooLarge | UnsupportedMedia | Stale)
    )
    if page is not None and is_form:
        status = 422 if isinstance(error, Invalid) else error.status
        visit.refuse(error.details or {"": [error.message]}, status)
        try:
            return page.show(visit)
        except SandboxError as other:
            error = other
    visit.status, visit.problems = error.status, {}
    message, links = error.message, []
    if isinstance(error, Refused):
        message = error.said(CALLS)
        row = _row_of(visit)
        links = [] if row is None else links_of(row, possible_in(row, visit.config.offers))
    elif isinstance(error, Conflict) and _row_of(visit) is not None:
        links = [(request_at({"request_id": visit.params["id"]}), "Go back to this request")]
    if visit.back is not None:
        links = [*links, visit.back]
    response = shell.render(
        visit, "error.html", heading=shell.what_of(error.status), message=message, more="", links=links
    )
    return replace(response, headers={**response.headers, **shell.error_headers(error)})


def _row_of(visit: Visit) -> dict[str, object] | None:
    try:
        return find(visit.tx, visit.params["id"]) if "id" in visit.params else None
    except NotFound:
        return None


def routes() -> Sequence[Route]:
    """Return the routes of the pages."""

    def open_page(path: str, handler: object, summary: str) -> Route:
        return Route("GET", path, handler, EVENT, summary, access="document", via="browser")  # type: ignore[arg-type]

    def door(path: str, handler: object, summary: str, secret: str) -> Route:
        return Route(
            "POST",
            path,
            handler,  # type: ignore[arg-type]
            "portal_login",
            summary,
            redact=(secret,),
            body_limit=limits.LOGIN_BODY_BYTES,
            access="door",
            via="browser",
        )

    return (
        open_page("portal/web", enter, "The portal's pages"),
        open_page("portal/web/", login.show_login, "The log-in page"),
        open_page("portal/web/login", login.show_login, "The log-in page"),
        door("portal/web/login", login.take_login, "Open a session by a form", "password"),
        open_page("portal/web/login/code", login.show_code, "The page for the one-time code"),
        door("portal/web/login/code", login.take_code, "Give the one-time code by a form", "code"),
        open_page("portal/web/public-status", public.show_status, "The status of requests without a log-in"),
        Route(
            "GET",
            f"portal/web/static/{shell.STYLESHEET}",
            lambda tx, request: shell.serve_stylesheet(request),
            EVENT,
            "The pages' stylesheet",
            access="document",
            file=shell.serve_stylesheet,
        ),
        Route(
            "*",
            f"{ROOT}{{path:.*}}",
            serve,
            EVENT,
            "A page of who has logged in",
            via="browser",
        ),
    )
