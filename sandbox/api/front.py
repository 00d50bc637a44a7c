"""The front door, `GET /`, for a program that came by: what this server is and where to look.

It needs no token and tells nothing that a token would be needed for. A person's browser is shown the dashboard.
"""

from aiohttp import web

from sandbox import __version__
from sandbox.api.context import SETTINGS, SHELF, root_url
from sandbox.api.replies import json_reply
from sandbox.jsonio import Json
from sandbox.wire.media_types import acceptance, read_accept

WHAT = "A hospital on a laptop for AI agents: simulated healthcare systems, recorded and scored."


async def front(request: web.Request) -> web.Response:
    """GET / for whoever does not prefer HTML: JSON."""
    answer = json_reply(_describe(request))
    answer.headers["Vary"] = "Accept"
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
            "people look at runs": "GET /ui, in a browser",
            "readiness": "GET /readyz",
            "health": "GET /healthz",
        },
        "benchmarks": references,
        "first_run": first,
        "documentation": "README.md and docs/ of the distribution; sandbox --help",
    }
