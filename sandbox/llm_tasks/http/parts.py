"""What the handlers are given: the parts of the task API, put together by `routes`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from sandbox.clock import Clock
from sandbox.llm_tasks.access.credentials import Access
from sandbox.llm_tasks.engines.catalog import Catalog
from sandbox.llm_tasks.input_processors import Processors
from sandbox.llm_tasks.run.runner import Runner
from sandbox.llm_tasks.run.stored_runs import History
from sandbox.llm_tasks.server_links import ServerLinks
from sandbox.llm_tasks.tasks.labels import Labels
from sandbox.llm_tasks.tasks.store import Store
from sandbox.llm_tasks.tasks.task_service import TaskService
from sandbox.playground.crew import Crew

ReadBody = Callable[[web.Request, int], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class TaskApi:
    """Everything the handlers use."""

    store: Store
    tasks: TaskService
    labels: Labels
    runner: Runner
    history: History
    access: Access
    catalog: Catalog
    processors: Processors
    links: ServerLinks
    clock: Clock
    read_body: ReadBody
    crew: Crew
    seed: int
    secrets: tuple[str, ...] = ()


API: Final = web.AppKey("llm_tasks", TaskApi)


def api(request: web.Request) -> TaskApi:
    """Return what the app put together."""
    return request.app[API]
