"""The steps that a playground takes by itself: delayed actions that fall due, actions that waited for an event."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from heapq import heappop, heappush
from typing import Final, TypeAlias

from sandbox import jsonio, limits, work
from sandbox.clock import parse_instant
from sandbox.errors import SandboxError, Unavailable
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Document
from sandbox.playground.calls import Asked, Handler, Outcome
from sandbox.playground.events import Request, Response, scenario_request
from sandbox.playground.interaction import DUE, Interaction

Due: TypeAlias = tuple[str, int, str]
"""What is to come: its time, when it was scheduled, its key. Times are written so that their order is that of text."""

_TAKEN: Final = 80  # units of work: an event is made and recorded, whatever the step does


def in_order(branch: Branch) -> list[Due]:
    """Return everything that is still to come, the next first; found once for as long as nothing of it changes."""
    rows = branch.overlay_of(DUE)
    cached = branch.caches.get(DUE)
    if cached is not None and cached[0] is rows:
        kept: list[Due] = cached[1]
        return kept
    work.current().spend(len(rows))
    found = sorted(
        (entry.value["due_at"], entry.value["seq"], key) for key, entry in rows.items() if isinstance(entry, Document)
    )
    branch.caches[DUE] = (rows, found)
    return found


def is_still(branch: Branch, due: Due) -> bool:
    """Whether something is to come as it was: neither done nor put off."""
    row = branch.get(DUE, due[2])
    return row is not None and (row["due_at"], row["seq"]) == due[:2]


def step(handler: Handler, request: Request) -> Asked:
    """Return what a step of the scenario asks."""
    return Asked("scenario_step", handler, request=request, on_error=_failed, actor="scenario")


def _failed(error: SandboxError) -> Response:
    """Say that a step failed; one that the server's stop broke off is raised, and still to come."""
    if isinstance(error, Unavailable):
        raise error
    return Response.of_json({"error": error.message}, error.status)


def taken(branch: Branch, now: Callable[[], datetime], take: Callable[[Asked, datetime], Outcome]) -> Iterator[None]:
    """Take every step that is due, in order of time, each at the time when it fell due; yield after each one.

    `take` makes an event of a step. One that fails is given up. Whoever stops half-way begins anew.
    """
    waiting = list(in_order(branch))  # sorted, so a heap
    for _ in range(limits.EVENTS_PER_TASK_RUN):
        while waiting and not is_still(branch, waiting[0]):
            heappop(waiting)
        if not waiting or parse_instant(waiting[0][0]) > now():
            return
        work.spend(_TAKEN)
        key = waiting[0][2]
        row = branch.get(DUE, key)
        request = scenario_request(row["action"], step_body(row))
        at = parse_instant(waiting[0][0])
        outcome = take(step(partial(run_due, key), request), at)
        if is_still(branch, waiting[0]):  # it failed and was rolled back: give it up
            outcome = take(step(partial(drop, DUE, key), request), at)
        for change in outcome.event.changes:
            row = branch.get(DUE, change.key) if change.collection == DUE else None
            if row is not None:
                heappush(waiting, (row["due_at"], row["seq"], change.key))
        yield


def step_body(row: Json) -> bytes:
    """Write the body that the event of a row's action has."""
    return jsonio.dump({"action": row["action"], **(row["args"] if isinstance(row["args"], dict) else {})})


def run_due(key: str, tx: Interaction) -> Response:
    """Run a scheduled action."""
    action = tx.get(DUE, key)["action"]
    tx.run_scheduled(key)
    return Response.of_json({"action": action, "status": "done"})


def drop(collection: str, key: str, tx: Interaction) -> Response:
    """Give up an action that failed."""
    action = tx.get(collection, key)["action"]
    tx.delete(collection, key)
    return Response.of_json({"action": action, "status": "failed"})
