"""Internal API: what came by MLLP on the shared port and named nobody who was there."""

import sqlite3

from aiohttp import web

from sandbox.api import auth
from sandbox.api.context import READER
from sandbox.api.pagination import PageRequest, Position, paginate_list
from sandbox.api.replies import json_reply
from sandbox.jsonio import Json
from sandbox.simulators.hl7.charsets import decode


async def list_strays(request: web.Request) -> web.Response:
    """GET /mllp/strays: the newest first; as many are kept as `limits.STRAY_MESSAGES` says."""
    auth.organization(request)
    rows = await request.app[READER].rows("SELECT * FROM stray_messages")
    return json_reply(await paginate_list(PageRequest.read(request.query), rows, _position, _show))


def _position(row: sqlite3.Row) -> Position:
    return row["at"], f"{row['id']:012d}"


def _show(row: sqlite3.Row) -> Json:
    return {
        "id": f"{row['id']:012d}",
        "receiving_application": row["application"],
        "receiving_facility": row["facility"],
        "payload": decode(row["body"]).text,
        "received_at": row["at"],
    }


def add_routes(app: web.Application) -> None:
    """Add the route."""
    app.router.add_get("/mllp/strays", list_strays)
