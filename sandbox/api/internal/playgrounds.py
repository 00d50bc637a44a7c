"""Internal API: playgrounds, those of task runs and forks of them: what they are, and their ways through time."""

import sqlite3
from typing import ClassVar

from aiohttp import web
from pydantic import Field

from sandbox import limits
from sandbox.api import auth
from sandbox.api.bodies import Body, read_body
from sandbox.api.context import READER, RUNS
from sandbox.api.internal.places import SEED, event_at, playground_row, state_at
from sandbox.api.internal.sandboxes import list_rows, sandbox_json
from sandbox.api.replies import json_reply
from sandbox.clock import format_instant, parse_instant
from sandbox.errors import Invalid
from sandbox.jsonio import Json
from sandbox.playground.clock import ClockState
from sandbox.runs.playgrounds.states import State

Place = int | str
_DIFF_PARAMETERS = ("from", "to", "surface")


class SnapshotPlayground(Body):
    """Body of `POST /playgrounds/{id}/snapshot`."""

    at: Place | None = None


class ForkPlayground(Body):
    """Body of `POST /playgrounds/{id}/fork`; `timeout` in seconds."""

    at: Place | None = None
    timeout: int = Field(default=limits.FORK_LIFETIME_S, ge=1, le=limits.FORK_LIFETIME_MAX_S)


class RestorePlayground(Body):
    """Body of `POST /playgrounds/{id}/restore`."""

    hint: ClassVar[str] = '{"to": 12} returns to how it was after event 12.'

    to: Place


class AdvanceClock(Body):
    """Body of `POST /playgrounds/{id}/clock`."""

    hint: ClassVar[str] = '{"seconds": 3600}, or {"to": "2026-04-23T12:00:00Z"}.'

    seconds: float | None = None
    to: str | None = None


class Diff(Body):
    """Body of `POST /playgrounds/{id}/diff`, and the parameters of `GET`."""

    from_: Place = Field(default=SEED, alias="from")
    to: Place = "now"
    surface: str | None = None


async def _row(request: web.Request) -> sqlite3.Row:
    principal = auth.organization(request)
    return await playground_row(request, request.match_info["id"], principal.organization_id)


async def _summary(request: web.Request, row: sqlite3.Row) -> dict[str, Json]:
    rows = await request.app[READER].rows(
        "SELECT * FROM sandboxes WHERE playground_id = ? ORDER BY position", row["id"]
    )
    forked_from = None
    if row["parent_id"] is not None:
        forked_from = {"playground_id": row["parent_id"], "event": row["parent_seq"]}
    return {
        "id": row["id"],
        "environment_id": row["environment_id"],
        "benchmark_run_id": row["benchmark_run_id"],
        "task_run_id": row["task_run_id"],
        "status": row["status"],
        "forked_from": forked_from,
        "expires_at": row["expires_at"],
        "sandboxes": [await sandbox_json(request, r) for r in rows],
        "organization_id": row["organization_id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


async def _whole(request: web.Request, playground_id: str) -> dict[str, Json]:
    """Return a playground with what it takes its state to say."""
    row = await request.app[READER].row("SELECT * FROM playgrounds WHERE id = ?", playground_id)
    assert row is not None
    runs = request.app[RUNS]
    state = await runs.states.at(playground_id)
    snapshots = await runs.moves.snapshots(playground_id)
    return {
        **await _summary(request, row),
        "events": state.seq,
        "clock": _clock(request, state),
        "snapshots": [{"id": s.id, "event": s.seq, "created_at": s.created_at} for s in snapshots],
        "state_hash": await runs.states.hash_of(state),
    }


def _clock(request: web.Request, state: State) -> Json:
    """Return `{now, mode}`: `waiting` has not begun, `stopped` stands where it stood at the end."""
    clock = ClockState.read(state.branch)
    playground = request.app[RUNS].active_playground(state.playground_id)
    if clock is None:
        return {"now": None, "mode": "waiting"}
    if playground is None:
        return {"now": format_instant(state.at) if state.at is not None else None, "mode": "stopped"}
    return {"now": format_instant(playground.now()), "mode": "stepping" if clock.is_stepping else "running"}


async def list_playgrounds(request: web.Request) -> web.Response:
    """GET /playgrounds?benchmark_run_id=: those of its task runs, and their forks."""
    return await list_rows(request, "playgrounds", "benchmark_run_id", _summary)


async def get(request: web.Request) -> web.Response:
    """GET /playgrounds/{id}: with its sandboxes' credentials, clock and state hash; 410 once it was pruned."""
    row = await _row(request)
    return json_reply(await _whole(request, row["id"]))


async def tear_down(request: web.Request) -> web.Response:
    """POST /playgrounds/{id}/teardown: its task run, if it has one, is cancelled; events stay readable."""
    row = await _row(request)
    await read_body(request, Body)
    await request.app[RUNS].tear_down(row["id"])
    return json_reply(await _summary(request, await _row(request)))


async def snapshot(request: web.Request) -> web.Response:
    """POST /playgrounds/{id}/snapshot (extension): a name for the state after an event, the present one as a rule."""
    row = await _row(request)
    body = await read_body(request, SnapshotPlayground)
    runs = request.app[RUNS]
    made, state = await runs.moves.snapshot(row["id"], await event_at(request, row, body.at, "at"))
    value = {
        "id": made.id,
        "playground_id": made.playground_id,
        "event": made.seq,
        "state_hash": await runs.states.hash_of(state),
        "created_at": made.created_at,
    }
    return json_reply(value, 201)


async def fork(request: web.Request) -> web.Response:
    """POST /playgrounds/{id}/fork (extension): a playground that goes on from an event of this one."""
    row = await _row(request)
    body = await read_body(request, ForkPlayground)
    seq = await event_at(request, row, body.at, "at")
    made = await request.app[RUNS].forks.make(row, seq, body.timeout)
    return json_reply(await _whole(request, made.id), 201)


async def restore(request: web.Request) -> web.Response:
    """POST /playgrounds/{id}/restore (extension): return to how it was after an event."""
    row = await _row(request)
    body = await read_body(request, RestorePlayground)
    seq = await event_at(request, row, body.to, "to")
    if seq is None:
        raise Invalid("A playground is as it is now already.", details={"to": ["must be an event or a snapshot"]})
    await request.app[RUNS].moves.restore(row["id"], seq)
    return json_reply(await _whole(request, row["id"]))


async def advance_clock(request: web.Request) -> web.Response:
    """POST /playgrounds/{id}/clock (extension): move its clock on, by seconds or to a moment."""
    row = await _row(request)
    body = await read_body(request, AdvanceClock)
    if (body.seconds is None) == (body.to is None):
        raise Invalid(f"Say how far: {AdvanceClock.hint}", details={"seconds": ["send it, or to, and not both"]})
    try:
        to = None if body.to is None else parse_instant(body.to)
    except ValueError:
        problem = "must be a date and time, like 2026-04-23T12:00:00Z"
        raise Invalid(f"to {problem}.", details={"to": [problem]}) from None
    await request.app[RUNS].moves.advance(row["id"], seconds=body.seconds, to=to)
    return json_reply(await _whole(request, row["id"]))


async def diff(request: web.Request) -> web.Response:
    """GET, POST /playgrounds/{id}/diff (extension): what differs between two of its states, or another playground's."""
    row = await _row(request)
    if request.method == "POST":
        body = await read_body(request, Diff)
        asked = {"from": str(body.from_), "to": str(body.to), "surface": body.surface}
    else:
        unknown = {name: ["Unknown parameter"] for name in request.query if name not in _DIFF_PARAMETERS}
        if unknown:
            raise Invalid(f"The parameters are {', '.join(_DIFF_PARAMETERS)}.", details=unknown)
        asked = {"from": SEED, "to": "now", "surface": None, **request.query}
    before, is_from_seed = await state_at(request, row, asked["from"] or "", "from")
    after, is_to_seed = await state_at(request, row, asked["to"] or "", "to")
    states = request.app[RUNS].states
    found = await states.differences(before, after, asked["surface"])
    sides = [
        {"playground_id": s.playground_id, "event": None if is_seed else s.seq, "state_hash": await states.hash_of(s)}
        for s, is_seed in ((before, is_from_seed), (after, is_to_seed))
    ]
    return json_reply({"from": sides[0], "to": sides[1], **found.to_json()})


def add_routes(app: web.Application) -> None:
    """Add the routes of this resource."""
    router = app.router
    router.add_get("/playgrounds", list_playgrounds)
    router.add_get("/playgrounds/{id}", get)
    router.add_post("/playgrounds/{id}/teardown", tear_down)
    router.add_post("/playgrounds/{id}/snapshot", snapshot)
    router.add_post("/playgrounds/{id}/fork", fork)
    router.add_post("/playgrounds/{id}/restore", restore)
    router.add_post("/playgrounds/{id}/clock", advance_clock)
    router.add_get("/playgrounds/{id}/diff", diff)
    router.add_post("/playgrounds/{id}/diff", diff)
