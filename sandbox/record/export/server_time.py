"""When an event happened by the server's own clock. Events carry the playground's time, which began elsewhere."""

from datetime import datetime

from sandbox.playground.clock import COLLECTION, ClockState
from sandbox.playground.events import Event


class ServerTime:
    """Follows a playground's clock through its events, in order."""

    def __init__(self) -> None:
        self._clock: ClockState | None = None

    def of(self, event: Event) -> datetime | None:
        """Return when an event began; None where the playground's clock steps or stands still.

        An event that sets the clock began before it was set, so it is told by what the clock was.
        """
        before, self._clock = self._clock, self._after(event)
        clock = before or self._clock
        if clock is None:
            return event.at  # the playground's clock is the server's until it is set
        return None if clock.ahead is None else event.at - clock.ahead

    def _after(self, event: Event) -> ClockState | None:
        for change in event.changes:
            if change.collection == COLLECTION and change.document is not None:
                return ClockState.of_json(change.document.value)
        return self._clock
