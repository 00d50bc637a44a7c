"""Internal API: sandboxes, as they were provisioned with their playgrounds."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from sandbox.api import auth
from sandbox.api.bodies import Body, read_body
from sandbox.api.context import READER, RUNS
from sandbox.api.pagination import PageRequest, Position, paginate
from sandbox.api.replies import json_reply
from sandbox.api.v1 import representations
from sandbox.errors import Conflict, NotFound
from sandbox.jsonio import Json


async def _row(request: web.Request) -> sqlite3.Row:
    principal = auth.organization(request)
    row = await request.app[READER].row("SELECT * FROM sandboxes WHERE id = ?", request.match_info["id"])
    if row is None or row["organization_id"] != principal.organization_id:
        raise NotFound("There is no such sandbox.")
    return row


async def sandbox_json(request: web.Request, row: sqlite3.Row) -> Json:
    """Return a sandbox with its credentials."""
    sandboxes = await request.app[RUNS].archive.sandboxes(row["playground_id"])
    sandbox = next(s for s in sandboxes if s.id == row["id"])
    return {
        "id": row["id"],
        "simulator_id": row["simulator_id"],
        "playground_id": row["playground_id"],
        "type": row["type"],
        "name": row["name"],
        "status": row["status"],
        "credentials": representations(request).credentials(sandbox, f"/sandboxes/{row['id']}"),
        "datasets": [row["dataset"]] if row["dataset"] else [],
        "organization_id": row["organization_id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


async def list_rows(request: web.Request, table: str, parameter: str, show: Any) -> web.Response:
    """Answer a page of the organization's rows of a table, of those with the parameter's value where it is sent."""
    principal = auth.organization(request)
    where, values = "organization_id = ?", [principal.organization_id]
    if parameter in request.query:
        where, values = f"{where} AND {parameter} = ?", [*values, request.query[parameter]]

    async def fetch(after: Position | None, is_back: bool, limit: int) -> Sequence[Any]:
        rows = await request.app[READER].page(table, where, values, after=after, is_back=is_back, limit=limit)
        return [(row, await show(request, row)) for row in rows]

    page = PageRequest.read(request.query)
    return json_reply(await paginate(page, fetch, lambda r: (r[0]["created_at"], r[0]["id"]), lambda r: r[1]))


async def list_sandboxes(request: web.Request) -> web.Response:
    """GET /sandboxes?playground_id=."""
    return await list_rows(request, "sandboxes", "playground_id", sandbox_json)


async def get_sandbox(request: web.Request) -> web.Response:
    """GET /sandboxes/{id}: with its credentials."""
    row = await _row(request)
    await request.app[READER].check_kept(row["playground_id"])
    return json_reply(await sandbox_json(request, row))


async def tear_down_sandbox(request: web.Request) -> web.Response:
    """POST /sandboxes/{id}/teardown: a sandbox of a playground goes with its playground."""
    row = await _row(request)
    await read_body(request, Body)
    if row["status"] == "teardown":
        raise Conflict("The sandbox is already torn down.")
    playground = row["playground_id"]
    raise Conflict(f"The sandbox belongs to the playground {playground}; POST /playgrounds/{playground}/teardown.")


def add_routes(app: web.Application) -> None:
    """Add the routes of these resources."""
    router = app.router
    router.add_get("/sandboxes", list_sandboxes)
    router.add_get("/sandboxes/{id}", get_sandbox)
    router.add_post("/sandboxes/{id}/teardown", tear_down_sandbox)
