"""How late the event loop is: a timer that notes by how much it was missed."""

import asyncio
from typing import Final

from sandbox.tally import SECONDS, Tally

EVERY_S: Final = 0.25


class LoopLag:
    """Looks at the running loop from now on."""

    def __init__(self) -> None:
        self.tally = Tally(SECONDS)
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(EVERY_S, self._look)

    def _look(self) -> None:
        self.tally.note(max(0.0, self._loop.time() - self._timer.when()))
        self._timer = self._loop.call_later(EVERY_S, self._look)

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()
