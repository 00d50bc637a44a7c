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
from sandbox.keys import read_key_file
from sandbox.llm_tasks.access.credentials import Access
from sandbox.llm_tasks.engines.build import build_engines
from sandbox.llm_tasks.http.addresses import BASE, TOKEN, paths_of
from sandbox.llm_tasks.http.handlers import account, catalog, credentials, labels, reports, runs, tasks
from sandbox.llm_tasks.http.parts import API, ReadBody, TaskApi
from sandbox.llm_tasks.input_processors import Processors
from sandbox.llm_tasks.run.attempts import Answerer
from sandbox.llm_tasks.run.runner import Runner
from sandbox.llm_tasks.run.stored_runs import History
from sandbox.llm_tasks.server_links import ServerLinks
from sandbox.llm_tasks.tasks.labels import Labels
from sandbox.llm_tasks.tasks.store import Store
from sandbox.llm_tasks.tasks.task_service import TaskService
from sandbox.playground.crew import Crew
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
    ("POST", TOKEN, credentials.exchange_token),
    ("POST", f"{_P}/api_key", credentials.create_api_key),
    ("GET", f"{_P}/api_key", credentials.list_api_keys),
    ("POST", f"{_P}/api_key/{{api_key_id}}/revoke", credentials.revoke_api_key),
    ("POST", f"{_P}/oauth_client", credentials.create_oauth_client),
    ("GET", f"{_P}/oauth_client", credentials.list_oauth_clients),
    ("DELETE", f"{_P}/oauth_client/{{oauth_client_id}}", credentials.delete_oauth_client),
    ("GET", f"{_P}/model", catalog.list_models),
    ("GET", f"{_P}/model/{{model_id_or_name}}", catalog.get_model),
    ("GET", f"{_P}/input_processor", catalog.list_input_processors),
    ("POST", f"{_P}/task", tasks.create_task),
    ("GET", f"{_P}/task", tasks.list_tasks),
    ("GET", f"{_P}/task_run", runs.list_project_runs),
    ("GET", f"{_P}/task_run/recent_by_task", runs.list_recent_runs),
    ("GET", f"{_P}/task_run/usage_report", reports.project_usage_report),
    ("GET", f"{_P}/task_run/timing_report", reports.project_timing_report),
    ("POST", _GROUPS, labels.create_group),
    ("GET", _GROUPS, labels.list_groups),
    ("GET", f"{_GROUPS}/{{reporting_group_id}}", labels.get_group),
    ("DELETE", f"{_GROUPS}/{{reporting_group_id}}", labels.delete_group),
    ("DELETE", f"{_P}/tags/{{tag_id}}", labels.delete_tag),
    ("POST", _TAG, labels.create_tag),
    ("GET", _TAG, labels.list_tags),
    ("GET", f"{_TAG}/{{tag_id}}", labels.get_tag),
    ("POST", f"{_TAG}/{{tag_id}}", labels.update_tag),
    ("DELETE", f"{_TAG}/{{tag_id}}", labels.delete_tag),
    ("POST", f"{_TAG}/{{tag_id}}/add", labels.add_tagged),
    ("POST", f"{_TAG}/{{tag_id}}/remove", labels.remove_tagged),
    ("GET", _T, tasks.get_task),
    ("POST", _T, tasks.update_task),
    ("DELETE", _T, tasks.delete_task),
    ("POST", f"{_T}/run", runs.run_task),
    ("GET", f"{_T}/run", runs.list_task_runs),
    ("GET", _R, runs.get_run),
    ("GET", f"{_R}/file/{{file_name}}", runs.get_run_file),
    ("GET", f"{_T}/token_report", reports.token_report),
    ("GET", f"{_T}/credit_report", reports.credit_report),
    ("GET", f"{_T}/usage_report", reports.usage_report),
    ("GET", f"{_T}/timing_report", reports.timing_report),
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
    crew: Crew


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
        store = Store()
        label_service = Labels(store, given.writer, given.clock)
        task_service = TaskService(
            store, label_service, engines.catalog, processors, given.shelf, given.writer, given.clock
        )
        access = Access(given.links, given.writer, given.clock)
        await task_service.open(given.reader)
        await access.open(given.reader, read_key_file(settings.data_dir))
        answerer = Answerer(engines.cassettes, given.clock, is_recording=settings.llm_is_recording)
        runner = Runner(engines.catalog, processors, answerer, given.writer, given.clock, settings.llm_seed)
        app[API] = TaskApi(
            store,
            task_service,
            label_service,
            runner,
            History(given.reader),
            access,
            engines.catalog,
            processors,
            given.links,
            given.clock,
            given.read_body,
            given.crew,
            settings.llm_seed,
            tuple(secret for secret in (settings.openai_api_key,) if secret),
        )
        yield
        await engines.close()
        await processors.close()

    app.cleanup_ctx.append(lifetime)
