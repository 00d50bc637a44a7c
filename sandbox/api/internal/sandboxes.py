"""Internal API: playgrounds and sandboxes, as they were provisioned for task runs."""

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
from sandbox.runs.tokens import Principal


async def _row(request: web.Request, table: str, noun: str) -> tuple[Principal, sqlite3.Row]:
    principal = auth.organization(request)
    row = await request.app[READER].row(f"SELECT * FROM {table} WHERE id = ?", request.match_info["id"])
    if row is None or row["organization_id"] != principal.organization_id:
        raise NotFound(f"There is no such {noun}.")
    return principal, row


async def _sandbox_json(request: web.Request, row: sqlite3.Row) -> Json:
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


async def _playground_json(request: web.Request, row: sqlite3.Row) -> Json:
    rows = await request.app[READER].rows(
        "SELECT * FROM sandboxes WHERE playground_id = ? ORDER BY position", row["id"]
    )
    return {
        "id": row["id"],
        "environment_id": row["environment_id"],
        "benchmark_run_id": row["benchmark_run_id"],
        "task_run_id": row["task_run_id"],
        "status": row["status"],
        "sandboxes": [await _sandbox_json(request, r) for r in rows],
        "organization_id": row["organization_id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


async def _list(request: web.Request, table: str, parameter: str, show: Any) -> web.Response:
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
    return await _list(request, "sandboxes", "playground_id", _sandbox_json)


async def get_sandbox(request: web.Request) -> web.Response:
    """GET /sandboxes/{id}: with its credentials."""
    _, row = await _row(request, "sandboxes", "sandbox")
    await request.app[READER].check_kept(row["playground_id"])
    return json_reply(await _sandbox_json(request, row))


async def tear_down_sandbox(request: web.Request) -> web.Response:
    """POST /sandboxes/{id}/teardown: a sandbox of a playground goes with its playground."""
    _, row = await _row(request, "sandboxes", "sandbox")
    await read_body(request, Body)
    if row["status"] == "teardown":
        raise Conflict("The sandbox is already torn down.")
    playground = row["playground_id"]
    raise Conflict(f"The sandbox belongs to the playground {playground}; POST /playgrounds/{playground}/teardown.")


async def list_playgrounds(request: web.Request) -> web.Response:
    """GET /playgrounds?benchmark_run_id=."""
    return await _list(request, "playgrounds", "benchmark_run_id", _playground_json)


async def get_playground(request: web.Request) -> web.Response:
    """GET /playgrounds/{id}: with its sandboxes' credentials and its state hash; 410 once it was pruned."""
    _, row = await _row(request, "playgrounds", "playground")
    state = await request.app[RUNS].states.at(row["id"])
    return json_reply({**await _playground_json(request, row), "state_hash": state.branch.state_hash()})


async def tear_down_playground(request: web.Request) -> web.Response:
    """POST /playgrounds/{id}/teardown: its task run is cancelled; events stay readable."""
    await _row(request, "playgrounds", "playground")
    await read_body(request, Body)
    await request.app[RUNS].tear_down(request.match_info["id"])
    _, row = await _row(request, "playgrounds", "playground")
    return json_reply(await _playground_json(request, row))


def add_routes(app: web.Application) -> None:
    """Add the routes of these resources."""
    router = app.router
    router.add_get("/sandboxes", list_sandboxes)
    router.add_get("/sandboxes/{id}", get_sandbox)
    router.add_post("/sandboxes/{id}/teardown", tear_down_sandbox)
    router.add_get("/playgrounds", list_playgrounds)
    router.add_get("/playgrounds/{id}", get_playground)
    router.add_post("/playgrounds/{id}/teardown", tear_down_playground)
