"""Logging in by a form: the user's name and password, the one-time code where one is asked for, and the way out.

The rules are those of `sessions.py`. A refused attempt is an answer, so that it is kept.
"""

import re
from typing import Final

from sandbox.errors import Conflict, Invalid, RateLimited, SandboxError, Unauthorized
from sandbox.playground.events import Request, Response
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal import sessions
from sandbox.simulators.portal.web.forms import read_form
from sandbox.simulators.portal.web.pages import ROOT, Visit
from sandbox.simulators.portal.web.shell import error_headers, name_of, render_open, see_other, what_of

WRONG: Final = "The user name or the password is wrong. Both are in the credentials of this portal."
WRONG_CODE: Final = "The code is wrong, or too late. Log in again for another one."
NEEDED: Final = "Log in to see this page."
OUT: Final = "You are logged out."
_VALUE_CHARS: Final = 200
_CODE_CHARS: Final = 20
_NEXT: Final = re.compile(r"[A-Za-z0-9_.~-]+(?:/[A-Za-z0-9_.~-]+)*", re.ASCII)
# Where a notice arrives, as people call it.
_PLACES: Final = {"files": "your files, in inbox/notices", "messages": "your messages"}


def show_login(tx: Interaction, request: Request) -> Response:
    """`GET portal/web/` and `portal/web/login`: the form, or the way on for who is logged in."""
    try:
        if sessions.find_open(tx, request.headers.get("cookie")) is not None:
            return see_other(request, next_of(request.first("next")) or "home")
        sessions.has_session(tx, request.headers.get("cookie"))
        note = OUT if request.first("said") == "logged-out" else ""
    except sessions.SessionEnded as ended:
        note = f"{ended.told}. Drafts are kept."
    return _form(tx, request, note=note, next_path=next_of(request.first("next")))


def take_login(tx: Interaction, request: Request) -> Response:
    """`POST portal/web/login`: a session and the way to the first page, or the form again."""
    form = read_form(request)
    form.check(("username", "password", "next"))
    username, password = form.text("username"), (form.values.get("password") or ("",))[0]
    next_path = next_of(form.text("next"))
    problems = {
        name: [f"Enter the {label}."]
        for name, label, value in (("username", "user name", username), ("password", "password", password))
        if not value
    }
    problems |= {
        n: ["Too long."] for n in ("username", "password") if len((form.values.get(n) or ("",))[0]) > _VALUE_CHARS
    }
    if problems:
        # Raised, so that of somebody who has shown nothing yet nothing is kept.
        raise Invalid("Enter both.", details=problems, username=username, next_path=next_path)
    attempt = sessions.log_in(tx, username, password)
    if attempt.token is None:
        return _form(tx, request, username, problems={"username": [WRONG]}, status=401, next_path=next_path)
    cookie = sessions.cookie(request.base_url, attempt.token)
    if attempt.code_sent_to is not None:
        query = f"?sent={attempt.code_sent_to}" + (f"&next={next_path}" if next_path else "")
        return see_other(request, f"login/code{query}", **{"Set-Cookie": cookie})
    return see_other(request, next_path or "home", **{"Set-Cookie": cookie})


def show_code(tx: Interaction, request: Request) -> Response:
    """`GET portal/web/login/code`: the form for the one-time code."""
    return _code_form(tx, request, request.first("sent") or "", next_path=next_of(request.first("next")))


def take_code(tx: Interaction, request: Request) -> Response:
    """`POST portal/web/login/code`: the session opens, or the form again."""
    form = read_form(request)
    form.check(("code", "next"))
    code, next_path = form.text("code"), next_of(form.text("next"))
    if not code or len(code) > _CODE_CHARS:
        problem = "Enter the code of six digits."
        raise Invalid(problem, details={"code": [problem]}, next_path=next_path)
    attempt = sessions.give_code(tx, request.headers.get("cookie"), code)
    if attempt.token is None:
        return _code_form(tx, request, "", problem=WRONG_CODE, status=401, next_path=next_path)
    cookie = sessions.cookie(request.base_url, attempt.token)
    return see_other(request, next_path or "home", **{"Set-Cookie": cookie})


def log_out(visit: Visit) -> Response:
    """`POST portal/web/logout`: the session ends."""
    sessions.log_out(visit.tx, visit.request.headers.get("cookie"))
    cookie = sessions.cookie(visit.request.base_url, "")
    return see_other(visit.request, "login?said=logged-out", **{"Set-Cookie": cookie})


def next_of(text: str | None) -> str:
    """Return the page that a log-in leads to, empty for none; never one of another site.

    >>> next_of("requests/req_1"), next_of("//example.org"), next_of("../../x"), next_of(None)
    ('requests/req_1', '', '', '')
    """
    text = text or ""
    is_ours = _NEXT.fullmatch(text) is not None and ".." not in text.split("/") and len(text) <= _VALUE_CHARS
    return text if is_ours and not text.startswith(("login", "static")) else ""


def explain(error: SandboxError, request: Request) -> Response:
    """Write an error that came up outside of a session as a page: who has not logged in is shown the form."""
    headers = error_headers(error)
    if isinstance(error, Unauthorized) and request.path.startswith(ROOT):
        ended = isinstance(error, sessions.SessionEnded)
        note = f"{error.told}. Drafts are kept." if isinstance(error, sessions.SessionEnded) else ""
        at_code = request.path == f"{ROOT}login/code"
        told = note if ended else error.message if at_code else NEEDED
        shown = _form(None, request, note=told, status=401, next_path=next_of(request.path.removeprefix(ROOT)))
        return _with(shown, headers)
    if isinstance(error, Invalid) and "next_path" in error.context:
        details = {name: list(told) for name, told in (error.details or {}).items()}
        next_path = error.context["next_path"]
        if "code" in details:
            return _code_form(None, request, "", problem=error.message, status=422, next_path=next_path)
        username = error.context["username"]
        return _form(None, request, username, problems=details, status=422, next_path=next_path)
    more = ""
    if isinstance(error, RateLimited):
        more = "Nothing was checked. Wait, then try again."
    elif isinstance(error, Conflict):
        more = "The portal is open while the task run is started."
    page = render_open(
        request,
        "error.html",
        status=error.status,
        heading=what_of(error.status),
        message=error.message,
        more=more,
        links=(),
    )
    return _with(page, headers)


def _with(response: Response, headers: dict[str, str]) -> Response:
    return Response(response.status, response.body, response.content_type, {**response.headers, **headers})


def _form(
    tx: Interaction | None,
    request: Request,
    username: str = "",
    *,
    note: str = "",
    problems: dict[str, list[str]] | None = None,
    status: int = 200,
    next_path: str = "",
) -> Response:
    shown = render_open(
        request,
        "login.html",
        portal=name_of(None if tx is None else tx.sandbox),
        status=status,
        note=note,
        problems=problems or {},
        labels={"username": "User name", "password": "Password"},
        username=username[:_VALUE_CHARS],
        next_path=next_path,
    )
    return _with(shown, error_headers(Unauthorized(WRONG))) if status == 401 else shown


def _code_form(
    tx: Interaction | None, request: Request, sent_to: str, *, problem: str = "", status: int = 200, next_path: str = ""
) -> Response:
    shown = render_open(
        request,
        "code.html",
        portal=name_of(None if tx is None else tx.sandbox),
        status=status,
        problems={"code": [problem]} if problem else {},
        labels={"code": "One-time code"},
        sent_to=_PLACES.get(sent_to, "you"),
        next_path=next_path,
    )
    return _with(shown, error_headers(Unauthorized(WRONG_CODE))) if status == 401 else shown
