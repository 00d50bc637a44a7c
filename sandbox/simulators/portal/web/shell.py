"""How a page is written: the frame around it, its menu, its headers, and the page of an error.

Everything that is put into a page is escaped. Links are relative to the page, so that they are right below every root
that a portal is served at. Must not know any page.
"""

import hashlib
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import jinja2

from sandbox import jsonio
from sandbox.errors import SandboxError
from sandbox.payer.attachments import Upload
from sandbox.payer.config import PayerConfig
from sandbox.playground.events import Request, Response
from sandbox.simulators.portal.web import csrf
from sandbox.simulators.portal.web.pages import ROOT, Visit, segment
from sandbox.wire.authorization import BEARER_CHALLENGE

FOLDER: Final = Path(__file__).parent
STYLESHEET: Final = "portal.css"
# Nothing but this portal's own style: no script at all, and no frame around it.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
HTML: Final = "text/html; charset=utf-8"


def render(visit: Visit, template: str, /, **context: Any) -> Response:
    """Return a page for who has logged in, with what was refused of its form, if anything was."""
    around = {
        "visit": visit,
        "csrf": visit.token,
        "csrf_field": csrf.FIELD,
        "problems": visit.problems,
        "labels": {},
        "user": (visit.tx.sandbox.secrets if visit.tx.sandbox else {}).get("username", ""),
        "portal": name_of(visit.tx.sandbox),
        "skin": visit.skin.name,
        "tagline": visit.skin.tagline,
        "menu": visit.skin.menu,
        "config": visit.config,
        "now": visit.tx.now_text,
    }
    response = _write(visit.request, template, visit.status, {**around, **context})
    return response if visit.data is None else replace(response, outcome=jsonio.dump(visit.data))


def render_open(
    request: Request, template: str, /, *, portal: str = "Payer portal", status: int = 200, **context: Any
) -> Response:
    """Return a page for anybody."""
    around: dict[str, Any] = {
        "visit": None,
        "problems": {},
        "labels": {},
        "portal": portal,
        "skin": "",
        "tagline": "",
        "menu": (),
    }
    return _write(request, template, status, {**around, **context})


def _write(request: Request, template: str, status: int, context: dict[str, Any]) -> Response:
    text = environment().get_template(template).render(web=web_root(request.path), **context)
    return Response(status, text.encode("utf-8", "replace"), HTML, HEADERS)


def web_root(path: str) -> str:
    """Return how a page refers to `portal/web/`.

    >>> web_root("portal/web/home"), web_root("portal/web/requests/req_1/appeal"), web_root("portal/web/")
    ('./', '../../', './')
    """
    return "../" * path.removeprefix(ROOT).count("/") or "./"


def name_of(sandbox: Any) -> str:
    """Return what a portal is called: as its simulator is."""
    return str(sandbox.name) if sandbox is not None and sandbox.name else "Payer portal"


def see_other(request: Request, path: str, **headers: str) -> Response:
    """Send the browser on to another page of the portal (RFC 9110 §15.4.4); `path` is below `portal/web/`."""
    return Response(303, b"", None, {**HEADERS, "Location": web_root(request.path) + path, **headers})


_WHAT: Final = {
    400: "That cannot be read",
    401: "Log in",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not possible here",
    409: "Not possible now",
    413: "Too large",
    415: "Not that type",
    422: "Please check what you entered",
    429: "Too many attempts",
}


def what_of(status: int) -> str:
    """Return the heading of an error's page.

    >>> what_of(409), what_of(503)
    ('Not possible now', 'Service Unavailable')
    """
    return _WHAT.get(status) or HTTPStatus(status).phrase


def error_headers(error: SandboxError) -> dict[str, str]:
    """Return the headers that an error asks for."""
    challenge = {"WWW-Authenticate": BEARER_CHALLENGE} if error.status == 401 else {}
    return {**HEADERS, **challenge, **error.headers}


@cache
def environment() -> jinja2.Environment:
    """Return the templates, read once; everything that is put in is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )
    made.filters.update(at=format_at, size=format_size, words=format_words, answer=format_answer)
    made.filters.update(segment=segment, money=format_money)
    made.globals.update(stylesheet=f"static/{STYLESHEET}?v={stylesheet_version()}", labelled=labelled)
    return made


def warm_up() -> None:
    """Read every template, which takes too long for a call."""
    for name in environment().list_templates():
        environment().get_template(name)


def labelled(problems: dict[str, list[str]], labels: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return each problem as the field it links to, what that is called, and what is wrong; the field is empty where
    the page has none for it.

    >>> labelled({"diagnosis_codes.1": ["Given twice."], "": ["Nothing."]}, {"diagnosis_codes": "Diagnosis codes"})
    [('diagnosis_codes', 'Diagnosis codes', 'Given twice.'), ('', '', 'Nothing.')]
    """
    found = []
    for name, messages in problems.items():
        fields = [known for known in labels if name == known or name.startswith(f"{known}.")]
        at = max(fields, key=len, default="")
        found += [(at, labels.get(at, name), message) for message in messages]
    return found


def format_at(text: str | None) -> str:
    """Write a moment to the minute; a day as it is.

    >>> format_at("2026-04-23T09:00:00.031Z"), format_at("2026-04-23"), format_at(None)
    ('2026-04-23 09:00 UTC', '2026-04-23', 'none')
    """
    if text is None:
        return "none"
    return f"{text[:10]} {text[11:16]} UTC" if len(text) > 10 else text


def format_size(count: int) -> str:
    """Write a number of bytes.

    >>> format_size(812), format_size(5_000_000), format_size(64 << 20)
    ('812 bytes', '5,000,000 bytes (4.8 MB)', '67,108,864 bytes (64.0 MB)')
    """
    if count < 1_000_000:
        return f"{count:,} bytes"
    return f"{count:,} bytes ({count / 1024 / 1024:.1f} MB)"


def format_money(amount: float | None) -> str:
    """Write an amount in dollars; a dash for none.

    >>> format_money(1234.5), format_money(0), format_money(None)
    ('$1,234.50', '$0.00', '-')
    """
    return "-" if amount is None else f"${amount:,.2f}"


def format_words(name: str | None) -> str:
    """Write a name of the payer's tables for people.

    >>> format_words("need_more_info"), format_words(None)
    ('Need more info', 'None')
    """
    return (name or "none").replace("_", " ").capitalize()


def format_answer(value: Any) -> str:
    """Write the answer to a question.

    >>> format_answer(True), format_answer(8.0), format_answer(["a", "b"]), format_answer("")
    ('Yes', '8', 'a, b', 'No answer')
    """
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ", ".join(map(format_answer, value))
    return str(value) if value not in (None, "") else "No answer"


@cache
def _stylesheet() -> bytes:
    return (FOLDER / "static" / STYLESHEET).read_bytes()


@cache
def stylesheet_version() -> str:
    """Return what tells one content of the stylesheet from another."""
    return hashlib.sha256(_stylesheet()).hexdigest()[:12]


def serve_stylesheet(_: Request) -> Response:
    """`GET portal/web/static/portal.css`."""
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(200, _stylesheet(), "text/css; charset=utf-8", headers)


def limits_text(config: PayerConfig, held: int = 0) -> str:
    """Return what a payer takes as attachments, for the page that takes them.

    >>> limits_text(PayerConfig.model_validate({"attachments": {"max_count": 2, "max_bytes": 5000,
    ...     "content_types": ["application/pdf"]}}), held=1)
    'At most 2 files a request (1 attached), each at most 5,000 bytes, of type application/pdf.'
    """
    bounds = config.attachments
    attached = f" ({held} attached)" if held else ""
    files = "file" if bounds.max_count == 1 else "files"
    kinds = "of any type" if bounds.content_types is None else f"of type {', '.join(bounds.content_types)}"
    size = format_size(bounds.max_bytes)
    return f"At most {bounds.max_count} {files} a request{attached}, each at most {size}, {kinds}."


def names_of(uploads: list[Upload]) -> list[str]:
    """Return the names of files."""
    return [item.filename for item in uploads]
