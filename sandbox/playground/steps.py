"""The steps that a playground takes by itself: delayed actions that fall due, actions that waited for an event."""

from sandbox import jsonio
from sandbox.jsonio import Json
from sandbox.playground.calls import Asked, Handler
from sandbox.playground.events import Request, Response
from sandbox.playground.interaction import DUE, Interaction


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
