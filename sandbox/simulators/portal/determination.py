"""What the payer decides, and when: rules as data, delays on the playground's clock or by reads.

A decision that is still to come is a row of `portal/_waiting`; one that follows the answer to
`need_more_info` is a row of `portal/_after_more_info`. Both are bookkeeping.
"""

from typing import Any, Final

from sandbox.definitions.assertions import StrictModel
from sandbox.jsonio import Json
from sandbox.playground.playground import Interaction
from sandbox.simulators.portal.config import Determination, read_config

REQUESTS: Final = "portal/prior_auth_requests"
WAITING: Final = "portal/_waiting"
AFTER_MORE_INFO: Final = "portal/_after_more_info"
ACTION: Final = "portal.determine"
SEEDED_READS: Final = 3


class DetermineArguments(StrictModel):
    """Which decision falls due: the request, and the round it was scheduled in."""

    request_id: str
    round: int


def history_entry(tx: Interaction, action: str, **more: Json) -> Json:
    """Make one line of a request's history."""
    return {"at": tx.now_text, "action": action, **more}


def pending(reason: str | None = None) -> Json:
    """Return the determination of a request that waits."""
    return {"status": "pending", "reason": reason, "decided_at": None}


def on_submission(tx: Interaction, row: Json) -> Json:
    """Store a submitted row with what the first matching rule says; return the row."""
    return _begin(tx, row, read_config(tx.config).determination_for(row))


def on_more_info(tx: Interaction, row: Json) -> Json:
    """Store a row whose missing information came; the rule's `after_more_info`, else the default."""
    following = tx.get(AFTER_MORE_INFO, row["request_id"])
    tx.delete(AFTER_MORE_INFO, row["request_id"])
    config = read_config(tx.config)
    return _begin(tx, row, config.default_determination if following is None else Determination(**following))


def _begin(tx: Interaction, row: Json, spec: Determination) -> Json:
    request_id = row["request_id"]
    reads = spec.delay_reads
    if tx.is_seeded and spec.delay_seconds > 0 and reads is None:
        reads = SEEDED_READS
    if not spec.delay_seconds and reads is None:
        return _decide(tx, row, spec)
    number = len(row["history"])
    due = None
    if spec.delay_seconds > 0:
        due = tx.schedule(ACTION, {"request_id": request_id, "round": number}, after_s=spec.delay_seconds)
    waiting = {"round": number, "due": due, "reads_left": reads, "determination": spec.to_json()}
    tx.put(WAITING, request_id, waiting)
    row = {**row, "determination": pending()}
    tx.put(REQUESTS, request_id, row)
    return row


def _decide(tx: Interaction, row: Json, spec: Determination) -> Json:
    if spec.status == "pending":
        row = {**row, "updated_at": tx.now_text, "determination": pending(spec.reason)}
    else:
        decision = {"status": spec.status, "reason": spec.reason, "decided_at": tx.now_text}
        entry = history_entry(tx, "determined", status=spec.status, reason=spec.reason)
        row = {**row, "updated_at": tx.now_text, "determination": decision, "history": [*row["history"], entry]}
    if spec.after_more_info is not None:
        tx.put(AFTER_MORE_INFO, row["request_id"], spec.after_more_info.to_json())
    tx.put(REQUESTS, row["request_id"], row)
    return row


def determine(tx: Interaction, arguments: Any) -> None:
    """Make the decision that fell due; nothing when another one has taken its place."""
    waiting = tx.get(WAITING, arguments.request_id)
    row = tx.get(REQUESTS, arguments.request_id)
    if waiting is not None and row is not None and waiting["round"] == arguments.round:
        tx.delete(WAITING, arguments.request_id)
        _decide(tx, row, Determination(**waiting["determination"]))


def count_read(tx: Interaction, request_id: str) -> None:
    """Count a read of a request; the one that completes `delay_reads` makes the decision."""
    waiting = tx.get(WAITING, request_id)
    if waiting is None or waiting["reads_left"] is None:
        return
    left = waiting["reads_left"] - 1
    if left > 0:
        tx.put(WAITING, request_id, {**waiting, "reads_left": left})
    elif waiting["due"] is not None and tx.is_scheduled(waiting["due"]):
        tx.run_scheduled(waiting["due"])
    else:
        determine(tx, DetermineArguments(request_id=request_id, round=waiting["round"]))


def forget(tx: Interaction, request_id: str) -> None:
    """Drop every decision still to come: something else has decided."""
    tx.delete(WAITING, request_id)
    tx.delete(AFTER_MORE_INFO, request_id)
