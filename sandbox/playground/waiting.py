"""Waiting: how an agent lets its playground's clock go on, for what only time brings.

Pure; whoever calls this records the event. What falls due meanwhile happens afterwards, as it does at any call.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from sandbox import limits
from sandbox.clock import parse_instant
from sandbox.errors import Conflict, Invalid
from sandbox.playground.interaction import Interaction
from sandbox.playground.steps import in_order


def wait_for_seconds(tx: Interaction, seconds: float) -> float:
    """Move the clock on; return by how many seconds. Raises `Invalid` where its time would leave our era."""
    if not 0 < seconds <= limits.CLOCK_ADVANCE_S:
        raise Invalid(f"seconds must be more than 0 and at most {limits.CLOCK_ADVANCE_S}.")
    try:
        tx.now + timedelta(seconds=seconds + limits.CLOCK_ADVANCE_S)  # with room for what is then scheduled
    except OverflowError:
        raise Invalid("The playground's clock cannot go on so far: its calendar ends with the year 9999.") from None
    tx.advance_clock(seconds)
    return seconds


def wait_for_next(tx: Interaction, others: Iterable[datetime] = ()) -> float:
    """Move the clock on to the next thing that is due; return by how many seconds, 0 if that is now.

    `others` is when something is to come that is no step of the playground's own.

    Raises `Conflict` where nothing is to come by itself, `Invalid` where it is further off than one wait may be.
    """
    steps = in_order(tx.branch)
    moments = [*(parse_instant(step[0]) for step in steps[:1]), *others]
    if not moments:
        raise Conflict("Nothing is to come by itself here; waiting for it changes nothing.")
    due = min(moments)
    # Whole milliseconds, as the clock is read in: less would stop short of it.
    seconds = math.ceil((due - tx.now) / timedelta(milliseconds=1)) / 1000
    return wait_for_seconds(tx, seconds) if seconds > 0 else 0.0
