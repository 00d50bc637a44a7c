"""The dates of the cases that a playground begins with, from the moment at which its clock starts.

What was to come by then has come: the case is as its date has left it, dated so. What is still to come waits like any
other. Only cases that have dates are looked at.
"""

from collections.abc import Iterator

from sandbox.definitions.assertions import StrictModel
from sandbox.payer.case_rows import DATED, DRAFTS, TIMERS, dates_of, find_by_id, set_timers
from sandbox.payer.config import payer_config
from sandbox.playground.interaction import CLOCK_STARTS
from sandbox.playground.playground import Interaction

OPEN = f"portal{CLOCK_STARTS}"


class OpenArguments(StrictModel):
    """Nothing."""


def open_cases(tx: Interaction, arguments: OpenArguments) -> None:
    """Let every date of the cases at hand come: those that are past at once, each at its own time, the others later."""
    started, days = tx.now, payer_config(tx).draft_days
    for request_id in list(_dated(tx, days)):
        row = find_by_id(tx, request_id)
        while row is not None:
            first = min(((at, what) for what, at in dates_of(row, days)), default=None)
            is_past = first is not None and first[0] <= started
            tx.now = first[0] if first is not None and is_past else started
            set_timers(tx, row)
            if first is None or not is_past:
                break
            tx.run_scheduled(tx.get(TIMERS, request_id)[first[1]])
            row = find_by_id(tx, request_id)
    tx.now = started


def _dated(tx: Interaction, draft_days: int | None) -> Iterator[str]:
    yield from (key for key, _ in tx.branch.items(DATED))
    if draft_days is not None:
        yield from (key for key, _ in tx.branch.items(DRAFTS))
