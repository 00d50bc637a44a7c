"""The front door, `GET /`: what this server is and where to look, for a person or a program that came by.

It needs no token and tells nothing that a token would be needed for.
"""

from html import escape
from pathlib import Path
from string import Template

from aiohttp import web

from sandbox import __version__
from sandbox.api.context import SETTINGS, SHELF, root_url
from sandbox.api.replies import json_reply
from sandbox.jsonio import Json
from sandbox.wire.media_types import acceptance, read_accept

WHAT = "A hospital on a laptop for AI agents: simulated healthcare systems, recorded and scored."
_HEADERS = {
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}
_PAGE = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))


async def front(request: web.Request) -> web.Response:
    """GET /: HTML for whoever prefers that, as browsers do; else JSON."""
    value = _describe(request)
    if not prefers_html(",".join(request.headers.getall("Accept", ()))):
        answer = json_reply(value)
    else:
        answer = web.Response(text=_page(value), content_type="text/html", charset="utf-8")
    answer.headers.update(_HEADERS)
    return answer


def prefers_html(accept: str) -> bool:
    """Whether an Accept header puts HTML above JSON (RFC 9110, 12.5.1).

    >>> prefers_html("text/html,application/xhtml+xml,*/*;q=0.8"), prefers_html("*/*"), prefers_html("")
    (True, False, False)
    >>> prefers_html("text/html;q=0.5, application/json"), prefers_html("text/*")
    (False, True)
    """
    return _quality(accept, "text/html") > _quality(accept, "application/json")


def _quality(accept: str, media_type: str) -> float:
    """Return how much a type is wanted, 0 to 1."""
    found = acceptance(read_accept(accept), [media_type])
    return 0.0 if found is None else found[0]


def _describe(request: web.Request) -> Json:
    root = root_url(request)
    references = [b.definition.reference for b in request.app[SHELF].library.benchmarks.values()]
    names = sorted(references, key=lambda name: (not name.startswith("mock@"), name))
    first = (
        f'curl -s {root}/v1/benchmark-runs -H "Authorization: Bearer $SOLVER_KEY" '
        f"-H 'Content-Type: application/json' -d '{{\"benchmark\": \"{names[0]}\"}}'"
        if names
        else None
    )
    return {
        "name": "sandbox",
        "version": __version__,
        "what": WHAT,
        "mode": "strict" if request.app[SETTINGS].is_strict else "extended",
        "where": {
            "agents create runs": "POST /v1/benchmark-runs, with the solver key",
            "authors read runs": "GET /benchmark-runs, GET /task-runs, GET /benchmarks, with the organization key",
            "LLM tasks": "/api/v1, with the organization key",
            "readiness": "GET /readyz",
            "health": "GET /healthz",
        },
        "benchmarks": references,
        "first_run": first,
        "documentation": "README.md and docs/ of the distribution; sandbox --help",
    }


def _page(value: Json) -> str:
    where = "".join(f"<tr><td>{escape(k)}<td><code>{escape(v)}</code>" for k, v in value["where"].items())
    benchmarks = "".join(f"<li><code>{escape(name)}</code>" for name in value["benchmarks"])
    return _PAGE.substitute(
        version=escape(value["version"]),
        what=escape(value["what"]),
        mode=escape(value["mode"]),
        where=where,
        benchmarks=benchmarks or "<li>none yet: add a directory <code>&lt;slug&gt;/v1/benchmark.yaml</code>",
        first=escape(value["first_run"] or "sandbox check"),
    )


def add_routes(app: web.Application) -> None:
    """Add the routes of this module."""
    app.router.add_get("/", front)
