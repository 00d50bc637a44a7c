"""What a page is about: a playground with its task run and run, for the organization that has them."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.api.context import READER, REGISTRY, RUNS, WRITER
from sandbox.dashboard.access import Session
from sandbox.dashboard.calls import BESIDE, ViewsOf
from sandbox.dashboard.shell import href
from sandbox.errors import NotFound
from sandbox.playground.playground import Sandbox
from sandbox.runs.models import BenchmarkRun, TaskRun
from sandbox.simulators.showing import PLAIN, Views


@dataclass(frozen=True, slots=True)
class Place:
    """A playground. `run` is its benchmark run, of a fork the one that it came from; `task_run` is None for a fork."""

    id: str
    status: str
    key: str
    sandboxes: tuple[Sandbox, ...]
    run: BenchmarkRun | None
    task_run: TaskRun | None
    parent_id: str | None
    parent_seq: int | None

    @property
    def is_active(self) -> bool:
        """Whether its systems take calls."""
        return self.status == "active"

    @property
    def surfaces(self) -> tuple[str, ...]:
        """What its timeline can be filtered by."""
        return (*(sandbox.surface for sandbox in self.sandboxes), *BESIDE)

    @property
    def href(self) -> str:
        """Its address in the dashboard."""
        return href("playgrounds", self.id)

    @property
    def timeline_href(self) -> str:
        """Where its timeline stands: on its task run's page, on its own without one."""
        return self.href if self.task_run is None else href("task-runs", self.task_run.id)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.key if self.task_run is None else self.task_run.task.name or self.task_run.task.key


async def find_place(request: web.Request, session: Session, playground_id: str) -> Place:
    """Return a playground of the session's organization. Raises `NotFound`, `SetAside`."""
    app = request.app
    row = await app[READER].row("SELECT * FROM playgrounds WHERE id = ?", playground_id)
    if row is None or row["organization_id"] != session.principal.organization_id:
        raise NotFound(f"There is no playground {playground_id[:100]}.")
    runs = app[RUNS]
    run = task_run = None
    if row["task_run_id"] is not None:
        run, task_run = await runs.find_task_run(row["task_run_id"])
    elif row["benchmark_run_id"] is not None:
        run = await runs.find_run(row["benchmark_run_id"])
    sandboxes = await runs.archive.sandboxes(playground_id)
    return Place(row["id"], row["status"], row["key"], sandboxes, run, task_run, row["parent_id"], row["parent_seq"])


async def find_task_run(request: web.Request, session: Session, task_run_id: str) -> tuple[BenchmarkRun, TaskRun]:
    """Return a task run of the session's organization. Raises `NotFound`, `SetAside`."""
    run, task_run = await request.app[RUNS].find_task_run(task_run_id)
    if run.organization_id != session.principal.organization_id:
        raise NotFound(f"There is no task run {task_run_id[:100]}.")
    return run, task_run


def views_of(app: web.Application) -> ViewsOf:
    """Return what gives the views of a surface."""
    by_surface = {simulator.surface: simulator.views for simulator in app[REGISTRY].simulators}

    def find(surface: str) -> Views:
        return by_surface.get(surface, PLAIN)

    return find


async def settle_record(app: web.Application, playground_id: str) -> None:
    """Let what a playground handed to the record come to be readable there, unless the disk is full."""
    if app[WRITER].failure is None:
        await app[WRITER].flush((playground_id,))


def crumbs(run: BenchmarkRun | None) -> dict[str, Any]:
    """Return what a page's path begins with."""
    return {"run": run, "reference": None if run is None else run.benchmark.definition.reference}
