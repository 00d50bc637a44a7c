"""The hub: passes events to the writer and wakes whoever follows a playground."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from sandbox.playground.events import Event
from sandbox.playground.recording import Commit, Prepared
from sandbox.record.units import Unit
from sandbox.record.writer import Writer


def _tell(watcher: Callable[[Event], None], event: Event, unit: Commit) -> None:
    if unit.error is None:
        watcher(event)


class EventHub:
    """A recorder that lets streams wait for the next committed event."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._followers: dict[str, set[asyncio.Event]] = {}
        self._watchers: dict[str, Callable[[Event], None]] = {}
        self._collections: dict[str, Callable[[Event], None]] = {}
        self.is_closing = False

    async def prepare(self, event: Event) -> Prepared:
        """Store ahead what is large of an event that is about to be submitted."""
        return await self._writer.prepare(event)

    def submit(self, event: Event, undo: Callable[[], None], prepared: Prepared = None) -> Unit:
        """Queue an event; followers of its playground wake once it is on disk."""
        committed = self._writer.submit(event, undo, prepared)
        watcher = self._watchers.get(event.type)
        if watcher is not None:
            committed.then(partial(_tell, watcher, event))
        if event.changes and self._collections:
            self._tell_of_changes(event, committed)
        if event.playground_id in self._followers:
            committed.then(lambda _: self.wake(event.playground_id))
        return committed

    def watch(self, event_type: str, callback: Callable[[Event], None]) -> None:
        """Tell somebody of every event of a type once it is on disk."""
        self._watchers[event_type] = callback

    def watch_collection(self, collection: str, callback: Callable[[Event], None]) -> None:
        """Tell somebody of every event that changed a document of a collection, once it is on disk."""
        self._collections[collection] = callback

    def _tell_of_changes(self, event: Event, committed: Unit) -> None:
        known = self._collections
        for collection in {change.collection for change in event.changes if change.collection in known}:
            committed.then(partial(_tell, known[collection], event))

    def wake(self, playground_id: str) -> None:
        """Wake the followers of a playground."""
        for follower in self._followers.get(playground_id, ()):
            follower.set()

    def close(self) -> None:
        """Tell all followers that the server is shutting down."""
        self.is_closing = True
        for playground_id in list(self._followers):
            self.wake(playground_id)

    @contextmanager
    def follow(self, playground_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something new is on disk; the caller clears it."""
        follower = asyncio.Event()
        self._followers.setdefault(playground_id, set()).add(follower)
        try:
            yield follower
        finally:
            self._followers[playground_id].discard(follower)
            if not self._followers[playground_id]:
                del self._followers[playground_id]
