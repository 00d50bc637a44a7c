"""The timelines of playgrounds, forks on top of what they came from; those asked for last are kept."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from sandbox.errors import NotFound
from sandbox.playground.branch import Seed
from sandbox.record.reader import Reader
from sandbox.record.timeline import Timeline

KEPT: Final = 8


class Timelines:
    """Timelines by playground; `seed_of` finds the seed of a definition's hash and a task's key."""

    def __init__(self, reader: Reader, seed_of: Callable[[str, str], Awaitable[Seed]]) -> None:
        self._reader = reader
        self._seed_of = seed_of
        self._kept: OrderedDict[str, Timeline] = OrderedDict()

    async def of(self, playground_id: str) -> Timeline:
        """Return a playground's timeline, whether it is active or over. Raises `NotFound`, `Gone`, `SetAside`."""
        above: list[tuple[str, int]] = []
        wanted = playground_id
        while (timeline := self._kept.get(wanted)) is None:
            row = await self._reader.row("SELECT * FROM playgrounds WHERE id = ?", wanted)
            if row is None:
                raise NotFound(f"There is no playground {wanted[:100]}.")
            await self._reader.check_kept(wanted)
            if row["parent_id"] is None:
                seed = await self._seed_of(row["definition_hash"], row["key"])
                timeline = self._keep(wanted, Timeline(self._reader, wanted, seed))
                break
            above.append((wanted, row["parent_seq"]))
            wanted = row["parent_id"]
        self._kept.move_to_end(wanted)
        for fork_id, seq in reversed(above):
            base = await timeline.at(seq)
            timeline = self._keep(fork_id, Timeline(self._reader, fork_id, timeline.seed, base))
        return timeline

    def _keep(self, playground_id: str, timeline: Timeline) -> Timeline:
        found = self._kept.setdefault(playground_id, timeline)  # another may have come first
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found
