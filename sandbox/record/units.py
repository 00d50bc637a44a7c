"""Units of work: what is stored together or not at all, and whoever waits for that."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Any

from sandbox.logs import get_logger

log = get_logger()

Statement = tuple[str, Sequence[Any]]
Then = Callable[["Unit"], None]


class WriterError(Exception):
    """What was handed to the record is not stored; the message says why and what to do."""


class Unit:
    """One or more statements that are stored together, in the order in which units were handed over.

    Await it, or give it a callback. `owners` are whose state the unit continues (a playground, a run): when one unit of
    an owner is not stored, none that follows it is. `undo` takes back in memory what the unit was to make last. `make`
    writes out the statements of a unit that is too large for the event loop. On a full disk the reserve is for those
    with `takes_reserve`.
    """

    __slots__ = (
        "_future",
        "_then",
        "error",
        "is_over",
        "is_stored",
        "make",
        "owners",
        "size",
        "statements",
        "takes_reserve",
        "undo",
    )

    def __init__(
        self,
        statements: Sequence[Statement],
        size: int = 0,
        owners: tuple[str, ...] = (),
        undo: Callable[[], None] | None = None,
        make: Callable[[], Sequence[Statement]] | None = None,
        takes_reserve: bool = True,
    ) -> None:
        self.statements = statements
        self.make = make
        self.size = size
        self.owners = owners
        self.undo = undo
        self.takes_reserve = takes_reserve
        self.error: Exception | None = None
        self.is_stored = False
        self.is_over = False
        self._then: list[Then] | None = None
        self._future: asyncio.Future[None] | None = None

    def then(self, callback: Then) -> None:
        """Call back once the unit is stored or refused; at once when it is over already."""
        if self.is_over:
            callback(self)
        elif self._then is None:
            self._then = [callback]
        else:
            self._then.append(callback)

    @property
    def future(self) -> "asyncio.Future[None]":
        """The unit as a future, which fails with what it was refused for."""
        if self._future is None:
            self._future = asyncio.get_running_loop().create_future()
            if self.is_over:
                self._tell_future()
        return self._future

    def finish(self, error: Exception | None = None) -> None:
        """Say that the unit is stored, or why it is not."""
        self.error = error
        self.is_over = True
        self.statements = ()
        if self._future is not None:
            self._tell_future()
        if self._then is not None:
            callbacks, self._then = self._then, None
            for callback in callbacks:
                try:
                    callback(self)
                except Exception:  # the units behind this one are to be told all the same
                    log.exception("who waited for the record failed")

    def _tell_future(self) -> None:
        future = self._future
        if future is None or future.done():
            return
        if self.error is None:
            future.set_result(None)
        else:
            future.set_exception(self.error)
            future.exception()  # whoever waits is told; nobody has to

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until the unit is stored. Raises what it was refused for."""
        if not self.is_over:
            yield from self.future.__await__()
        elif self.error is not None:
            raise self.error


def merged(parts: Sequence[Unit]) -> Unit:
    """Make units one, which are then stored or refused together."""

    def undo() -> None:
        for part in reversed(parts):
            if part.undo is not None:
                part.undo()

    def make() -> Sequence[Statement]:
        return [s for part in parts for s in (part.statements if part.make is None else part.make())]

    def tell(unit: Unit) -> None:
        for part in parts:
            part.finish(unit.error)

    owners = tuple(dict.fromkeys(owner for part in parts for owner in part.owners))
    is_large = any(part.make is not None for part in parts)
    size = sum(part.size for part in parts)
    takes_reserve = all(part.takes_reserve for part in parts)
    unit = Unit(() if is_large else make(), size, owners, undo, make if is_large else None, takes_reserve)
    unit.then(tell)
    return unit
