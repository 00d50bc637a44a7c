"""Health, readiness, and the description of the API."""

from aiohttp import web

from sandbox import __version__
from sandbox.api.context import RUNS, SHELF, WRITER
from sandbox.api.replies import json_reply


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: the process is alive."""
    return json_reply({"status": "ok", "version": __version__})


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 when requests can be served and recorded, else 503 with the reason."""
    failure = request.app[WRITER].failure
    shelf, runs = request.app[SHELF], request.app[RUNS]
    value = {
        "status": "ok" if failure is None else "failed",
        "record": failure,
        "set_aside": [
            *({"benchmark_run_id": key, "reason": why} for key, why in runs.set_aside.items()),
            *({"playground_id": key, "reason": why} for key, why in runs.forks.set_aside.items()),
        ],
        "benchmarks": [b.definition.reference for b in shelf.library.benchmarks.values()],
        "definitions_error": shelf.last_error,
    }
    return json_reply(value, 200 if failure is None else 503)


def add_routes(app: web.Application) -> None:
    """Add the routes of this module."""
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
