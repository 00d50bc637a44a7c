"""What all pages have in common: who may see them, what stands around them, how an error looks, how a form is read."""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode

import aiohttp_jinja2
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from sandbox.api.bodies import read_limited
from sandbox.api.context import CLOCK, REQUEST_ID, SETTINGS, SHELF
from sandbox.api.errors import Internal
from sandbox.dashboard import access
from sandbox.dashboard.access import Session
from sandbox.dashboard.calls import Call
from sandbox.errors import Malformed, SandboxError, Unauthorized, UnsupportedMedia
from sandbox.limits import MIB
from sandbox.logs import get_logger

Page: TypeAlias = Callable[[web.Request, Session], Awaitable[web.StreamResponse]]
Form: TypeAlias = Mapping[str, str]

log = get_logger()

THEMES: Final = ("auto", "light", "dark")
_THEME: Final = "sandbox_theme"
_FORM_BYTES: Final = 2 * MIB
# Nothing but this server's own files; no script, style or frame of anybody else's, none written into a page.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def page(handler: Page) -> Handler:
    """Serve a page to whoever may see it; others are sent to the log-in, or told why not."""

    @wraps(handler)
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            session = access.enter(request)
        except Unauthorized as error:
            if request.method in ("GET", "HEAD"):
                return see_other(f"{access.LOGIN}?{urlencode({'next': request.rel_url.raw_path_qs})}")
            return show_error(request, None, error)
        except SandboxError as error:
            return show_error(request, None, error)
        try:
            response = await handler(request, session)
        except SandboxError as error:
            response = show_error(request, session, error)
        except (ConnectionResetError, web.HTTPException):
            raise
        except Exception:
            log.exception("unexpected error", request_id=request[REQUEST_ID], method=request.method, path=request.path)
            broken = Internal("Something broke in the server; its log says what, by the request's id.")
            response = show_error(request, session, broken)
        name = access.cookie_name(request)
        is_told = response.prepared or name in response.cookies or request.cookies.get(name) == session.token
        if not is_told:
            access.set_cookie(request, response, session)
        return response

    return serve


def write(handler: Callable[[web.Request, Session, Form], Awaitable[web.StreamResponse]]) -> Handler:
    """Serve a form that was sent, if it shows its session's secret."""

    async def checked(request: web.Request, session: Session) -> web.StreamResponse:
        form = await read_form(request)
        access.check_csrf(session, form.get(access.CSRF_FIELD, ""))
        return await handler(request, session, form)

    return page(checked)


async def read_form(request: web.Request) -> Form:
    """Read the fields of a form. Raises `UnsupportedMedia`, `Malformed`, `TooLarge`."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise UnsupportedMedia("A form is sent as application/x-www-form-urlencoded.")
    body = await read_limited(request, _FORM_BYTES)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise Malformed("The form cannot be read.") from None


def render(
    request: web.Request, session: Session | None, template: str, /, *, http_status: int = 200, **context: Any
) -> web.Response:
    """Return a page. Every template finds the same things around its own."""
    common = {
        "session": session,
        "csrf": session.csrf if session is not None else "",
        "theme": theme_of(request),
        "here": request.rel_url.raw_path_qs,
        "now": request.app[CLOCK].now(),
        "problems": request.app[SHELF].last_error if session is not None else None,
        "mode": "strict" if request.app[SETTINGS].is_strict else "extended",
        "section": "",
    }
    text = aiohttp_jinja2.render_string(template, request, {**common, **context})
    response = web.Response(status=http_status, text=text, content_type="text/html", charset="utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def row_renderer(request: web.Request) -> Callable[[Call, str], str]:
    """Return what renders a new row of a timeline: without the rest of a page, as there are many."""
    row = aiohttp_jinja2.get_env(request.app).get_template("parts/calls.html").module.row  # type: ignore[attr-defined]
    return lambda call, base: str(row(call, base, True))


def show_error(request: web.Request, session: Session | None, error: SandboxError) -> web.Response:
    """Return the page that says what happened, where, and what to do."""
    details = [f"{name}: {', '.join(map(str, messages))}" for name, messages in (error.details or {}).items()]
    return render(
        request,
        session,
        "error.html",
        http_status=error.status,
        title=HTTPStatus(error.status).phrase,
        error=error,
        details=details,
        request_id=request[REQUEST_ID],
    )


def see_other(location: str) -> web.Response:
    """Send the browser on to another page."""
    return web.Response(status=303, headers={hdrs.LOCATION: location})


def own_path(text: str, default: str = access.ROOT) -> str:
    """Return a path of the dashboard that a form or a query names, the default for anything else.

    >>> own_path("/ui/runs/br_1?q=a"), own_path("https://elsewhere.example/ui"), own_path("/ui//x"), own_path("/uix")
    ('/ui/runs/br_1?q=a', '/ui', '/ui', '/ui')
    """
    path = text.partition("?")[0].partition("#")[0]
    is_own = path == access.ROOT or path.startswith(f"{access.ROOT}/")
    return text if is_own and "//" not in path and "\\" not in text and text.isprintable() else default


def theme_of(request: web.Request) -> str:
    """Return the theme that was chosen; `auto` follows the system's."""
    theme = request.cookies.get(_THEME, "")
    return theme if theme in THEMES else THEMES[0]


async def set_theme(request: web.Request, session: Session, form: Form) -> web.Response:
    """POST /ui/theme: choose how pages look, then see the same one again."""
    theme = form.get("theme", "")
    if theme not in THEMES:
        raise Malformed(f"theme is one of {', '.join(THEMES)}.")
    response = see_other(own_path(form.get("back", "")))
    response.set_cookie(_THEME, theme, path=access.ROOT, samesite="Lax", httponly=True, max_age=365 * 86_400)
    return response


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Add to what leaves what a browser may do with it; runs after the API's own, whose CORS is not for these pages."""
    if not (request.path == access.ROOT or request.path.startswith(f"{access.ROOT}/")):
        return
    for name in (hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS):
        response.headers.popall(name, None)
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")


def href(*parts: object, **query: object) -> str:
    """Return a path below the dashboard's root; every part is quoted.

    >>> href("runs", "br_1"), href("playgrounds", "pg_1", "fhir/Patient", q="a b")
    ('/ui/runs/br_1', '/ui/playgrounds/pg_1/fhir%2FPatient?q=a+b')
    """
    path = "/".join([access.ROOT, *(quote(str(part), safe="") for part in parts)])
    kept = {name: value for name, value in query.items() if value not in (None, "", 0)}
    return f"{path}?{urlencode(kept)}" if kept else path
