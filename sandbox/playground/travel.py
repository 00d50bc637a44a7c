"""Moving a playground in time: on, by its clock, or back to how it was after one of its events.

Both are the organization's doing, and each is one event, so that a replay does the same.
"""

from typing import Final

from sandbox import jsonio
from sandbox.playground import clock as playground_clock
from sandbox.playground.calls import Outcome, Present
from sandbox.playground.clock import ClockState
from sandbox.playground.events import RESTORED, Request, Response, restore_request
from sandbox.playground.interaction import Interaction
from sandbox.playground.playground import Playground

CLOCK_ADVANCED: Final = "clock_advanced"


def advance_clock(playground: Playground, seconds: float) -> Outcome:
    """Move a playground's clock on. Raises `Conflict` for one that has not started, and what `interact` raises."""

    def move(tx: Interaction) -> Response:
        tx.advance_clock(seconds)
        return Response.of_json({"seconds": seconds})

    request = Request("POST", "clock", body=jsonio.dump({"seconds": seconds}), via=None)
    return playground.interact(CLOCK_ADVANCED, move, request=request, actor="organization")


def restore(playground: Playground, to: Present) -> Outcome:
    """Return a playground to how it was after one of its events; O(1), whatever happened since.

    Its clock goes on from where it stood then, and a seed gives the ids again that it gave then. Raises what
    `interact` raises.
    """

    def go_back(tx: Interaction) -> Response:
        branch = playground.branch
        branch.reset(to.overlay)
        state = ClockState.read(branch)
        if state is not None and to.at is not None:
            steps_back = playground.step - (playground.inherited + to.seq - to.asides)
            real_now = playground.clock.now() - playground.lag
            going_on = state.going_on(to.at, steps_back, playground.step + 1, real_now)
            tx.put(playground_clock.COLLECTION, playground_clock.KEY, going_on.to_json())
            tx.now = to.at
        return Response.of_json({"event": to.seq})

    outcome = playground.interact(RESTORED, go_back, request=restore_request(to.seq), actor="organization")
    if ClockState.read(playground.branch) is None:
        playground.last_at = None
    return outcome
