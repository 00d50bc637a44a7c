"""Where in time a playground is meant: one grammar for snapshots, forks, restores and differences.

A place is an event's number (0 is the beginning), `start` (as the agent found it), `now`, or a snapshot's id. A
difference may also name `seed`, and another playground: `pg_…`, or `pg_…@` and a place of its.
"""

import sqlite3
from typing import Final

from aiohttp import web

from sandbox.api.context import READER, RUNS
from sandbox.errors import Invalid, NotFound
from sandbox.runs.playgrounds.states import State
from sandbox.wire.whole_numbers import HUGE, read_whole_number

SEED: Final = "seed"
_OTHER: Final = "pg_"
_SNAPSHOT: Final = "snap_"


async def playground_row(request: web.Request, playground_id: str, organization_id: str) -> sqlite3.Row:
    """Return the row of a playground that is the organization's. Raises `NotFound`."""
    row = await request.app[READER].row("SELECT * FROM playgrounds WHERE id = ?", playground_id)
    if row is None or row["organization_id"] != organization_id:
        raise NotFound("There is no such playground.")
    return row


async def event_at(request: web.Request, row: sqlite3.Row, place: int | str | None, name: str) -> int | None:
    """Return the number of the event that a place of a playground means, None for the present.

    `name` is the field or parameter that said so. Raises `Invalid` for what is no place, `NotFound` for a snapshot
    that the playground does not have.
    """
    if place is None or place == "now":
        return None
    if place == "start":
        return int(row["baseline_seq"])
    if isinstance(place, str) and place.startswith(_SNAPSHOT):
        snapshot = await request.app[RUNS].moves.find_snapshot(place)
        if snapshot.playground_id != row["id"]:
            raise NotFound("There is no such snapshot of this playground.")
        return snapshot.seq
    seq = read_whole_number(place) if isinstance(place, str) else place
    if seq is None or seq < 0:
        problem = "must be the number of an event, a snapshot's id, start or now"
        raise Invalid(f"{name} {problem}.", details={name: [problem]})
    return min(seq, HUGE)


async def state_at(request: web.Request, row: sqlite3.Row, place: str, name: str) -> tuple[State, bool]:
    """Return the state that one side of a difference means, and whether that is a seed.

    Raises `Invalid`, `NotFound`, `Gone`, `SetAside`.
    """
    if place.startswith(_OTHER):
        other, at, place = place.partition("@")
        row = await playground_row(request, other, row["organization_id"])
        place = place if at else "now"
    states = request.app[RUNS].states
    if place == SEED:
        return await states.seed_of(row["id"]), True
    return await states.at(row["id"], await event_at(request, row, place, name)), False
