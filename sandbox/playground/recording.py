"""Handing events over: what a playground asks of whoever records them."""

from collections.abc import Callable, Generator
from typing import Any, Final, Protocol, TypeAlias

from sandbox.playground.events import Event

Prepared: TypeAlias = Any
"""What a recorder makes of an event ahead of its submission; its own affair. None for nothing."""


class Commit(Protocol):
    """The commit of an event: to await, which raises when the event is not on disk, or to be told of."""

    is_over: bool
    error: Exception | None

    def then(self, callback: "Callable[[Commit], None]", /) -> None:
        """Call back once it is over; at once when it is already."""
        ...

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until the event is on disk; raises when it is not."""
        ...


class Done:
    """A commit that is over already, whatever event loop awaits it."""

    is_over = True
    error: Exception | None = None

    def then(self, callback: Callable[[Commit], None], /) -> None:
        """Call back at once."""
        callback(self)

    def __await__(self) -> Generator[Any, None, None]:
        """Finish at once."""
        yield from ()


DONE: Final = Done()


class NullRecorder:
    """A recorder that keeps nothing: for trial runs, and to measure what recording costs."""

    async def prepare(self, event: Event) -> Prepared:
        """Do nothing."""
        return None

    def submit(self, event: Event, undo: Callable[[], None], prepared: Prepared = None) -> Done:
        """Forget the event."""
        return DONE


class Recorder(Protocol):
    """Where events go. `submit` takes the event at once and returns its commit."""

    async def prepare(self, event: Event) -> Prepared:
        """Store ahead what is large of an event, for `submit` to be given; raises when it cannot be stored."""
        ...

    def submit(self, event: Event, undo: Callable[[], None], prepared: Prepared = None) -> Commit:
        """Queue the event. When it is not stored after all, `undo` is called, the last event's first.

        Raises when nothing can be stored.
        """
        ...
