"""The life of a Subscription: requested, active, error, off (R4, Subscription.status).

Who writes one asks for it (`take`); what is stored is `requested`. A step that is due at once makes it `active`, one
that is due at its `end` turns it `off`, and a delivery that failed to the last attempt turns it to `error`. Each is a
version of its own. Bookkeeping: `<prefix>/_subscriptions` has a row for each that is requested or active, with the
queue's place; what waits is in `<prefix>/_notifications` (`queue.py`).
"""

from typing import Final

from sandbox import limits
from sandbox.errors import Unprocessable
from sandbox.jsonio import Json
from sandbox.playground.branch import Branch
from sandbox.playground.playground import Interaction
from sandbox.subscriptions.home import Home
from sandbox.subscriptions.rules import TYPE, end_of, is_asking

ACTIVATE: Final = "activate_subscription"
END: Final = "end_subscription"


def rows_of(prefix: str) -> str:
    """Return the collection with a row for each Subscription that is requested or active."""
    return f"{prefix}/_subscriptions"


def waiting_of(prefix: str) -> str:
    """Return the collection of what waits to be delivered."""
    return f"{prefix}/_notifications"


def are_asked(branch: Branch, prefix: str) -> bool:
    """Whether any Subscription is requested or active; free where there never was one."""
    return not branch.is_empty(rows_of(prefix))


def take(tx: Interaction, prefix: str, resource: Json, resource_id: str) -> Json:
    """Take a Subscription that somebody wrote; return it as it is to be stored.

    What waits for one that was active stays, and is tried again from the start. Raises `Unprocessable` past the limit.
    """
    collection = rows_of(prefix)
    row = tx.get(collection, resource_id)
    if not is_asking(resource):
        forget(tx, prefix, resource_id)
        return resource
    if row is None and tx.branch.count(collection) >= limits.SUBSCRIPTIONS:
        message = (
            f"{limits.SUBSCRIPTIONS} Subscriptions are requested or active, and that is the limit; turn one off first."
        )
        raise Unprocessable(message, issue_type="too-costly", expression=TYPE)
    if row is not None:
        _unschedule(tx, row)
    args = {"id": resource_id}
    end = end_of(resource)
    ending = None
    if end is not None:
        ending = tx.schedule(f"{prefix}.{END}", args, after_s=(end - tx.now).total_seconds())
    kept = row or {"first": 1, "next": 1, "last_at": None}
    activation = tx.schedule(f"{prefix}.{ACTIVATE}", args, after_s=0)
    fresh = {"activation": activation, "ending": ending, "tried": None, "attempts": 0, "next_attempt_at": None}
    tx.put(collection, resource_id, {**kept, **fresh})
    return _with_status(resource, "requested")


def forget(tx: Interaction, prefix: str, resource_id: str) -> None:
    """Let go of a Subscription that is deleted, or asks for nothing any more, and of what waits for it."""
    row = tx.get(rows_of(prefix), resource_id)
    if row is None:
        return
    _unschedule(tx, row)
    for number in range(row["first"], row["next"]):
        tx.delete(waiting_of(prefix), f"{resource_id}/{number}")
    tx.delete(rows_of(prefix), resource_id)


def activate(tx: Interaction, home: Home, resource_id: str) -> None:
    """Make a requested Subscription active."""
    row = tx.get(rows_of(home.prefix), resource_id)
    resource = home.get(tx, resource_id)
    if row is not None and resource is not None:
        tx.put(rows_of(home.prefix), resource_id, {**row, "activation": None})
        home.put(tx, _with_status(resource, "active"), tx.now_text)


def end(tx: Interaction, home: Home, resource_id: str) -> None:
    """Turn a Subscription off whose end has come."""
    resource = home.get(tx, resource_id)
    if tx.get(rows_of(home.prefix), resource_id) is not None and resource is not None:
        forget(tx, home.prefix, resource_id)
        home.put(tx, _with_status(resource, "off"), tx.now_text)


def fail(tx: Interaction, home: Home, resource_id: str, error: str, at: str) -> None:
    """Turn a Subscription to error, with what is wrong; what waits for it is given up."""
    resource = home.get(tx, resource_id)
    forget(tx, home.prefix, resource_id)
    if resource is not None:
        home.put(tx, _with_status(resource, "error", error), at)


def _with_status(resource: Json, status: str, error: str | None = None) -> Json:
    """Return a Subscription with another status; what stood in `error` was of the one before.

    >>> _with_status({"resourceType": "Subscription", "status": "error", "error": "x"}, "requested")
    {'resourceType': 'Subscription', 'status': 'requested'}
    """
    kept = {name: value for name, value in resource.items() if name not in ("error", "_error", "_status")}
    kept["status"] = status
    return kept if error is None else {**kept, "error": error}


def _unschedule(tx: Interaction, row: Json) -> None:
    for name in ("activation", "ending"):
        if row[name] is not None:
            tx.unschedule(row[name])
