"""The ways in that are no HTTP: opened with the server, and led to playgrounds as HTTP's calls are.

What a caller has to show is the simulator's affair; that a task run is started, that a call counts as one of its
agent's, and that nothing is answered before it is stored, is ensured here.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.api.context import CREW, REGISTRY, RUNS, SETTINGS, WRITER
from sandbox.errors import Conflict, SandboxError
from sandbox.jsonio import Json
from sandbox.playground.calls import Asked, Outcome
from sandbox.playground.crew import Crew
from sandbox.playground.playground import Interaction, Playground, Sandbox
from sandbox.record.writer import Writer
from sandbox.runs.models import Phase, TaskRun
from sandbox.runs.service import RunService
from sandbox.simulators.wires import Post, Wire

_OVER: Final = "The task run is over; its systems take no more calls."


WIRES: "web.AppKey[Wires]" = web.AppKey("wires")


class Wires:
    """All wires of a server, by surface."""

    def __init__(self, wires: dict[str, Wire]) -> None:
        self._wires = wires

    def credentials(self, sandbox: Sandbox, root: str) -> dict[str, Json]:
        """Return what a client needs for the wires of a sandbox; `root` is the server's URL as the client knows it."""
        wire = self._wires.get(sandbox.surface)
        return {} if wire is None else wire.credentials(sandbox, urlsplit(root).hostname or "")

    async def close(self) -> None:
        """Close all of them."""
        for wire in self._wires.values():
            await wire.close()


def open_wires(app: web.Application) -> Wires:
    """Open every simulator's wire; none in strict mode. Raises `WireError`."""
    settings = app[SETTINGS]
    opened: dict[str, Wire] = {}
    gate = Doorkeeper(app[RUNS], app[CREW], app[WRITER])
    for simulator in () if settings.is_strict else app[REGISTRY].simulators:
        if simulator.surface in settings.wire_ports:
            post = Post(settings.host, settings.wire_ports[simulator.surface], settings.data_dir)
            wire = simulator.open_wire(gate, post)
            if wire is not None:
                opened[simulator.surface] = wire
    return Wires(opened)


class Doorkeeper:
    """Finds the sandbox of a started task run that a caller means."""

    def __init__(self, runs: RunService, crew: Crew, writer: Writer) -> None:
        self._runs = runs
        self._crew = crew
        self._writer = writer

    def find(self, surface: str, is_meant: Callable[[Sandbox], bool]) -> "Visitor | None":
        """Return the guest of the one sandbox that is meant."""
        found = [(task_run, sandbox) for task_run, sandbox in self._started(surface) if is_meant(sandbox)]
        return Visitor(self._runs, self._crew, self._writer, *found[0]) if len(found) == 1 else None

    def _started(self, surface: str) -> Iterable[tuple[TaskRun, Sandbox]]:
        for holder, sandbox in self._runs.by_sandbox.values():
            if sandbox.surface == surface and isinstance(holder, TaskRun) and holder.phase is Phase.STARTED:
                yield holder, sandbox


class Visitor:
    """Who was let in. Holds names only, so that a connection that stays keeps nothing of a run that is over."""

    def __init__(self, runs: RunService, crew: Crew, writer: Writer, task_run: TaskRun, sandbox: Sandbox) -> None:
        self._runs = runs
        self._crew = crew
        self._writer = writer
        self.sandbox = sandbox
        self.base_url = f"/v1/task-runs/{task_run.id}"

    @property
    def is_welcome(self) -> bool:
        """Whether the task run is started."""
        return self._find() is not None

    def look(self) -> Interaction:
        """Return an interaction to read with."""
        return self._playground().look(self.sandbox)

    async def settle(self) -> None:
        """Let happen what is due."""
        playground = self._playground()
        if not playground.is_anything_due():
            return
        async with playground.turns.mine():
            await self._playground().settle_in_parts(self._crew)
        await self._writer.flush((playground.id,))

    def attempt(self, asked: Asked) -> Outcome | None:
        """Do what is asked, if that can be done at once."""
        self._note()
        return self._playground().attempt(asked)

    async def interact(self, asked: Asked, *, is_long: bool = False) -> Outcome:
        """Do what is asked and wait until it is stored."""
        self._note()
        try:
            outcome = await self._playground().interact_in_turn(self._crew, asked, is_long=is_long)
        except SandboxError:
            raise
        except Exception:
            await self._writer.flush()  # the event of what broke
            raise
        await outcome.committed
        return outcome

    def _find(self) -> Playground | None:
        found = self._runs.active_sandbox(self.sandbox.id)
        playground = found[0].playground if found is not None and found[0].phase is Phase.STARTED else None
        return None if playground is None or playground.is_torn_down else playground

    def _playground(self) -> Playground:
        playground = self._find()
        if playground is None:
            raise Conflict(_OVER)
        return playground

    def _note(self) -> None:
        found: Any = self._runs.active_sandbox(self.sandbox.id)
        run = self._runs.by_task_run.get(found[0].id) if found is not None else None
        if run is not None:
            self._runs.note_call(run)
