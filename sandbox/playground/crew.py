"""The crew: threads beside the event loop for what takes longer than others may wait.

A thread helps the loop only while it yields the interpreter, which Python code does every `SWITCH_S`; a call of C that
takes long (a parser, a sort) does not, and is bounded by the size of what it is given. Two threads are enough: they
share one interpreter, and the more of them want it, the longer the loop waits for its turn.
"""

import asyncio
import gc
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from sandbox import work
from sandbox.errors import SandboxError, Unavailable

T = TypeVar("T")

THREADS: Final = 2
SWITCH_S: Final = 0.0005
_MANY_OBJECTS: Final = 50_000


class Collector:
    """Keeps the cyclic garbage collector still while jobs are done: looking at all they make would stop everybody.

    What a job makes and leaves is its documents, which are no garbage and hold no cycles: it is not looked at again.
    """

    def __init__(self) -> None:
        self._jobs = 0

    def __enter__(self) -> None:
        self._jobs += 1
        gc.disable()

    def __exit__(self, *_: object) -> None:
        self._jobs -= 1
        if not self._jobs:
            if gc.get_count()[0] > _MANY_OBJECTS:
                gc.freeze()
            gc.enable()


class Crew:
    """Does work beside the loop, each on a budget, and stops all of it when the server stops."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sandbox-crew")
        self._running: set[work.Budget] = set()
        self._is_stopping = False
        self.collector = Collector()
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(min(self._switch_s, SWITCH_S))

    async def do(self, job: Callable[[], T], budget: work.Budget | None = None) -> T:
        """Do a job on a thread; it spends from `budget`. Raises what the job raises, `Unavailable` at a stop."""
        if self._is_stopping:
            raise Unavailable("The server is stopping; nothing of this was done.", headers={"Retry-After": "5"})
        budget = budget or work.Budget()
        self._running.add(budget)
        try:
            with self.collector:
                return await asyncio.get_running_loop().run_in_executor(self._threads, _on_budget, job, budget)
        finally:
            self._running.discard(budget)

    def stop(self) -> None:
        """End what is being done, from whatever thread or signal handler: the next unit it spends is its last."""
        self._is_stopping = True
        for budget in tuple(self._running):
            budget.stop()

    def close(self) -> None:
        """Stop, and let the threads go."""
        self.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)
        sys.setswitchinterval(self._switch_s)


def _on_budget(job: Callable[[], T], budget: work.Budget) -> T:
    try:
        with work.bounded(budget):
            return job()
    except SandboxError as error:
        error.__traceback__ = error.__context__ = None  # they hold what was read, which is let go of here
        raise
    finally:
        budget.let_go()
