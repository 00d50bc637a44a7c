"""Benchmarks at the levels of mess that runs ask for: each made once, beside the event loop, for all its runs."""

import asyncio
from typing import Final

from sandbox.definitions.library import Shelf
from sandbox.definitions.load import Benchmark, at_mess
from sandbox.runs.registry import Registry

_KEPT: Final = 64


class MessyBenchmarks:
    """What was made, by content hash and level; the oldest is let go of, active runs keep what they have."""

    def __init__(self, shelf: Shelf, registry: Registry) -> None:
        self._shelf = shelf
        self._registry = registry
        self._made: dict[tuple[str, int], Benchmark] = {}
        self._making = asyncio.Lock()

    async def at(self, benchmark: Benchmark, level: int) -> Benchmark:
        """Return a loaded benchmark at a level. Raises `Invalid` where nothing of its data can be made messy."""
        key, datasets = (benchmark.hash, level), self._shelf.library.datasets
        async with self._making:
            if key not in self._made:
                made = await asyncio.to_thread(at_mess, benchmark, level, datasets, self._registry)
                while len(self._made) >= _KEPT:
                    del self._made[next(iter(self._made))]
                self._made[key] = made
            return self._made[key]
