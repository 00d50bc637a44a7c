"""Where the task API meets the rest of the server: keys, run tokens, started task runs, bodies."""

from aiohttp import web

from sandbox.api.bodies import read_limited
from sandbox.api.context import CLOCK, CREW, KEY_RING, READER, RUNS, SETTINGS, SHELF, WRITER
from sandbox.keys import RUN_PREFIX
from sandbox.llm_tasks import routes
from sandbox.llm_tasks.routes import Surroundings
from sandbox.llm_tasks.server_links import StartedTaskRun, TokenOwner
from sandbox.runs.models import BenchmarkRun, Phase, TaskRun


class _Links:
    """Answers the task API's questions from the server's own parts."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def is_organization_key(self, key: str) -> bool:
        principal = self._app[KEY_RING].find(key)
        return principal is not None and principal.solver_id is None

    def started(self, task_run_id: str) -> StartedTaskRun | None:
        runs = self._app[RUNS]
        task_run = runs.active_task_run(task_run_id)
        if task_run is None:
            return None
        run = runs.active[task_run.benchmark_run_id]
        runs.note_call(run)
        return _link(run, task_run)

    def of_run_token(self, token: str) -> TokenOwner | None:
        run = self._app[RUNS].active_by_token(token) if token.startswith(RUN_PREFIX) else None
        if run is None or run.is_over:
            return None
        started = tuple(link for task_run in run.task_runs if (link := _link(run, task_run)) is not None)
        return TokenOwner(run.id, run.created_at, started)


def _link(run: BenchmarkRun, task_run: TaskRun) -> StartedTaskRun | None:
    playground = task_run.playground
    if playground is None or task_run.phase is not Phase.STARTED or playground.is_torn_down:
        return None
    return StartedTaskRun(task_run.id, run.id, playground, run.benchmark.definition)


def _surroundings(app: web.Application) -> Surroundings:
    return Surroundings(
        app[SETTINGS], app[SHELF], app[READER], app[WRITER], app[CLOCK], _Links(app), read_limited, app[CREW]
    )


def add_routes(app: web.Application) -> None:
    """Add the task API; call it after the server's own lifetime was added."""
    routes.add_routes(app, _surroundings)
