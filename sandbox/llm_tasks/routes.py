"""Every route of the task API, and how its parts come together.

`ROUTES` is what the documentation's compatibility table is tested against.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp import web

from sandbox.clock import Clock
from sandbox.definitions.library import Shelf
from sandbox.llm_tasks.access import Access
from sandbox.llm_tasks.addresses import BASE, TOKEN, paths_of
from sandbox.llm_tasks.answering import Answerer
from sandbox.llm_tasks.engines.build import build_engines
from sandbox.llm_tasks.handlers import account, runs, tasks
from sandbox.llm_tasks.history import History
from sandbox.llm_tasks.input_processors import Processors
from sandbox.llm_tasks.links import ServerLinks
from sandbox.llm_tasks.running import Runner
from sandbox.llm_tasks.service import TaskService
from sandbox.llm_tasks.wire import API, ReadBody, TaskApi
from sandbox.record.reader import Reader
from sandbox.record.writer import Writer
from sandbox.settings import Settings

_O: Final = f"{BASE}/org/{{org_id}}"
_P: Final = f"{_O}/project/{{project_id}}"
_T: Final = f"{_P}/task/{{task_id}}"
_R: Final = f"{_T}/run/{{task_run_id}}"
_TAG: Final = f"{_P}/{{entity_type}}/tag"
_GROUPS: Final = f"{_P}/reporting-groups"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", f"{BASE}/whoami", account.whoami),
    ("GET", f"{BASE}/org", account.list_organizations),
    ("GET", _O, account.get_organization),
    ("GET", f"{_O}/project", account.list_projects),
    ("POST", f"{_O}/project", account.create_project),
    ("GET", _P, account.get_project),
    ("POST", TOKEN, account.exchange_token),
    ("POST", f"{_P}/api_key", account.create_api_key),
    ("GET", f"{_P}/api_key", account.list_api_keys),
    ("POST", f"{_P}/api_key/{{api_key_id}}/revoke", account.revoke_api_key),
    ("POST", f"{_P}/oauth_client", account.create_oauth_client),
    ("GET", f"{_P}/oauth_client", account.list_oauth_clients),
    ("DELETE", f"{_P}/oauth_client/{{oauth_client_id}}", account.delete_oauth_client),
    ("GET", f"{_P}/model", account.list_models),
    ("GET", f"{_P}/model/{{model_id_or_name}}", account.get_model),
    ("GET", f"{_P}/input_processor", account.list_input_processors),
    ("POST", f"{_P}/task", tasks.create_task),
    ("GET", f"{_P}/task", tasks.list_tasks),
    ("GET", f"{_P}/task_run", runs.list_project_runs),
    ("GET", f"{_P}/task_run/recent_by_task", runs.list_recent_runs),
    ("GET", f"{_P}/task_run/usage_report", tasks.project_usage_report),
    ("GET", f"{_P}/task_run/timing_report", tasks.project_timing_report),
    ("POST", _GROUPS, tasks.create_group),
    ("GET", _GROUPS, tasks.list_groups),
    ("GET", f"{_GROUPS}/{{reporting_group_id}}", tasks.get_group),
    ("DELETE", f"{_GROUPS}/{{reporting_group_id}}", tasks.delete_group),
    ("DELETE", f"{_P}/tags/{{tag_id}}", tasks.delete_tag),
    ("POST", _TAG, tasks.create_tag),
    ("GET", _TAG, tasks.list_tags),
    ("GET", f"{_TAG}/{{tag_id}}", tasks.get_tag),
    ("POST", f"{_TAG}/{{tag_id}}", tasks.update_tag),
    ("DELETE", f"{_TAG}/{{tag_id}}", tasks.delete_tag),
    ("POST", f"{_TAG}/{{tag_id}}/add", tasks.add_tagged),
    ("POST", f"{_TAG}/{{tag_id}}/remove", tasks.remove_tagged),
    ("GET", _T, tasks.get_task),
    ("POST", _T, tasks.update_task),
    ("DELETE", _T, tasks.delete_task),
    ("POST", f"{_T}/run", runs.run_task),
    ("GET", f"{_T}/run", runs.list_task_runs),
    ("GET", _R, runs.get_run),
    ("GET", f"{_R}/file/{{file_name}}", runs.get_run_file),
    ("GET", f"{_T}/token_report", tasks.token_report),
    ("GET", f"{_T}/credit_report", tasks.credit_report),
    ("GET", f"{_T}/usage_report", tasks.usage_report),
    ("GET", f"{_T}/timing_report", tasks.timing_report),
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the task API is given by the server it is part of."""

    settings: Settings
    shelf: Shelf
    reader: Reader
    writer: Writer
    clock: Clock
    links: ServerLinks
    read_body: ReadBody


def add_routes(app: web.Application, surroundings: Callable[[web.Application], Surroundings]) -> None:
    """Add the routes; the parts are made when the app starts and `surroundings` can be told."""
    for method, canonical, handler in ROUTES:
        for path in paths_of(canonical):
            (app.router.add_get if method == "GET" else partial(app.router.add_route, method))(path, handler)

    async def lifetime(app: web.Application) -> AsyncIterator[None]:
        given = surroundings(app)
        settings = given.settings
        engines = build_engines(settings)
        processors = Processors(settings)
        service = TaskService(engines.catalog, processors, given.shelf, given.writer, given.clock)
        access = Access(given.links, given.writer, given.clock)
        await service.open(given.reader)
        await access.open(given.reader)
        answerer = Answerer(engines.cassettes, given.clock, is_recording=settings.llm_is_recording)
        runner = Runner(engines.catalog, processors, answerer, given.writer, given.clock, settings.llm_seed)
        app[API] = TaskApi(
            service,
            runner,
            History(given.reader),
            access,
            engines.catalog,
            processors,
            given.links,
            given.clock,
            given.read_body,
            settings.llm_seed,
            tuple(secret for secret in (settings.openai_api_key,) if secret),
        )
        yield
        await engines.close()
        await processors.close()

    app.cleanup_ctx.append(lifetime)
