"""The steps that a playground takes by itself: delayed actions that fall due, actions that waited for an event."""

from typing import TypeAlias

from sandbox import jsonio, work
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch, Document
from sandbox.playground.calls import Asked, Handler
from sandbox.playground.events import Request, Response
from sandbox.playground.interaction import DUE, Interaction

Due: TypeAlias = tuple[str, int, str]
"""What is to come: its time, when it was scheduled, its key. Times are written so that their order is that of text."""


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
    return Asked("scenario_step", handler, request=request, actor="scenario")


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
