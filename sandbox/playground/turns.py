"""Whose turn it is: a playground serves one interaction at a time, in the order in which they came."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A first-come, first-served lock. It belongs to no event loop until somebody waits."""

    __slots__ = ("_is_taken", "_waiting")

    def __init__(self) -> None:
        self._is_taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_free(self) -> bool:
        """Whether nobody has the turn and nobody waits for it."""
        return not self._is_taken and not self._waiting

    @asynccontextmanager
    async def mine(self) -> AsyncIterator[None]:
        """Wait for the turn and have it for the block."""
        if self.is_free:
            self._is_taken = True
        else:
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place  # whoever is done hands the turn over: it is not free in between
            except BaseException:
                if place.done() and not place.cancelled():
                    self._hand_over()
                else:
                    self._waiting.remove(place)
                raise
        try:
            yield
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._is_taken = False
