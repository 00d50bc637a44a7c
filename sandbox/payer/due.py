"""What comes by itself: decisions that fall due, by time or by reads, and the dates that end a state.

The actions `portal.determine` and `portal.lapse` of the playground's clock. Nothing of it is an error: what is not
waited for any more does nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.jsonio import Json
from sandbox.payer import claims, determination, disputes
from sandbox.payer.case_rows import REQUESTS, find_by_id, keep, moved, set_timers, take_timer, touched
from sandbox.payer.determination import WAITING, DetermineArguments, denial, forget
from sandbox.payer.lifecycle import life_cycle
from sandbox.payer.numbers import new_auth_number
from sandbox.playground.playground import Interaction


def fall_due(tx: Interaction, arguments: Any) -> None:
    """Make the decision that fell due; nothing when another one has taken its place."""
    waiting = tx.get(WAITING, arguments.request_id)
    if waiting is None or waiting["round"] != arguments.round:
        return
    if "determination" in waiting:
        determination.determine(tx, arguments)
        return
    tx.delete(WAITING, arguments.request_id)
    if "claim" in waiting:
        claims.decide_waiting(tx, waiting)
        return
    row = tx.get(REQUESTS, arguments.request_id)
    if row is not None:
        disputes.decide_waiting(tx, row, waiting)


def count_read(tx: Interaction, subject: str) -> None:
    """Count a read of a case or an appeal; the one that completes `delay_reads` makes the decision."""
    waiting = tx.get(WAITING, subject)
    if waiting is None or waiting["reads_left"] is None:
        return
    left = waiting["reads_left"] - 1
    if left > 0:
        tx.put(WAITING, subject, {**waiting, "reads_left": left})
    elif waiting["due"] is not None and tx.is_scheduled(waiting["due"]):
        tx.run_scheduled(waiting["due"])
    else:
        fall_due(tx, DetermineArguments(request_id=subject, round=waiting["round"]))


def lapse(tx: Interaction, arguments: Any) -> None:
    """Do what the date of a case brings that is reached now."""
    if not take_timer(tx, arguments.request_id, arguments.what):
        return
    row = find_by_id(tx, arguments.request_id)
    if row is None:
        return
    if arguments.what == "number":
        row = touched(tx, row, "auth_number_given")
        keep(tx, {**row, "auth_number": new_auth_number(tx)})
        return
    ended = _ENDS.get(life_cycle().by_trigger[row["state"], "lapse"].name, _expire)(tx, row)
    keep(tx, ended)
    set_timers(tx, ended)


def _expire(tx: Interaction, row: Json) -> Json:
    forget(tx, row["request_id"])
    return moved(tx, row, life_cycle().by_trigger[row["state"], "lapse"], "expired")


def _deny_unanswered(tx: Interaction, row: Json) -> Json:
    forget(tx, row["request_id"])
    transition = life_cycle().by_trigger[row["state"], "lapse"]
    reason = f"The information asked for did not come by {row['wanted']['due_at']}."
    row = moved(tx, row, transition, "determined", status="denied", reason=reason)
    decided = {"status": "denied", "reason": reason, "decided_at": tx.now_text}
    return {**row, "determination": decided, "wanted": None, "denial": denial(tx, reason, None)}


def _close_appeals(tx: Interaction, row: Json) -> Json:
    row = touched(tx, row, "appeal_window_closed", state=row["state"])
    return {**row, "denial": {**row["denial"], "closed_at": tx.now_text}}


def _miss(tx: Interaction, row: Json) -> Json:
    forget(tx, row["request_id"])
    transition = life_cycle().by_trigger[row["state"], "lapse"]
    return {**moved(tx, row, transition, "peer_to_peer_missed"), "peer_to_peer": None}


def _begin_call(tx: Interaction, row: Json) -> Json:
    transition = life_cycle().by_trigger[row["state"], "lapse"]
    return disputes.begin_call(tx, moved(tx, row, transition, "peer_to_peer_begun"))


_ENDS: Final[Mapping[str, Callable[[Interaction, Json], Json]]] = {
    "pend_lapses": _deny_unanswered,
    "appeal_window_closes": _close_appeals,
    "appeal_window_closes_after_peer_to_peer": _close_appeals,
    "slots_pass": _miss,
    "call_begins": _begin_call,
    "call_ends_too_soon": _miss,
}
