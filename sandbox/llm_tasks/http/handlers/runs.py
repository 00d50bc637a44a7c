"""Run a task, fetch runs and their files, list them."""

from operator import itemgetter
from typing import Final

from aiohttp import web

from sandbox.jsonio import Json
from sandbox.llm_tasks.access.caller import Caller
from sandbox.llm_tasks.errors import ValidationFailed
from sandbox.llm_tasks.http.bodies import RunBody, read_run
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.http.replies import envelope, page_limit, page_of, reply
from sandbox.llm_tasks.http.requests import enter_project, enter_task, path_id, query_bool, query_id
from sandbox.llm_tasks.http.run_filters import run_filter
from sandbox.llm_tasks.http.show import show_run
from sandbox.llm_tasks.run.admission import check_runnable
from sandbox.llm_tasks.run.choose_revision import choose_revision, named_revision
from sandbox.llm_tasks.run.request import RunRequest
from sandbox.llm_tasks.run.stored_runs import RunFilter
from sandbox.llm_tasks.server_links import StartedTaskRun
from sandbox.llm_tasks.tasks.entities import PROJECT_ID, ReportingGroup, Revision, Task
from sandbox.wire.served_content import content_headers

_GROUP_CHARS_MAX: Final = 64
_RAW: Final = {"image": "image/", "audio": "audio/", "pdf": "application/pdf", "csv": "text/csv"}


async def run_task(request: web.Request) -> web.Response:
    """POST P/task/{task_id}/run."""
    caller, task = enter_task(request, "task:run_task")
    parts = api(request)
    check_runnable(task)
    use_fallback = query_bool(request, "use_fallback_model")
    body, files = await read_run(request)
    check_runnable(task)
    reference = body.task_reference if body.task_reference is not None else body.reference
    started = _started(request, caller, task, body.context_id, reference)
    group = _group(request, task, body)
    ordinal = parts.store.ordinals.get(task.id, 0) + 1
    revision = _revision(request, task, started, ordinal)
    wanted = RunRequest(
        body.task_input,
        files,
        caller.user_id,
        reference,
        body.context_id,
        group,
        use_fallback,
        started,
        (caller.bearer, *parts.secrets),
        caller.owner.benchmark_run_id if caller.owner else started.benchmark_run_id if started else None,
    )
    parts.runner.check(revision, wanted)
    parts.store.next_ordinal(task.id)
    finished = await parts.runner.run(task, revision, wanted, ordinal)
    headers = {"X-Task-Run-ID": finished.body["id"], "X-Task-Revision-ID": revision.id}
    raw = finished.generated
    if raw is not None and request.headers.get("Accept", "").strip().lower().startswith(_RAW[task.output_modality]):
        return web.Response(body=raw.content, content_type=raw.content_type, headers=headers)
    return reply(show_run(finished.body, task.project_id), headers)


def _started(
    request: web.Request, caller: Caller, task: Task, context_id: str | None, reference: str | None
) -> StartedTaskRun | None:
    """Return the started task run that the run belongs to: the one it names, or the caller's only one."""
    if task.project_id != PROJECT_ID:
        return None
    names = [name for name in (context_id, reference) if name]
    if caller.owner is not None:
        named = [s for s in caller.started if s.id in names]
        return named[0] if named else caller.started[0] if len(caller.started) == 1 else None
    found = (api(request).links.started(name) for name in names)
    return next((started for started in found if started is not None), None)


def _group(request: web.Request, task: Task, body: RunBody) -> ReportingGroup | None:
    labels, name = api(request).labels, request.query.get("reporting_group")
    if name:
        if len(name) > _GROUP_CHARS_MAX:
            message = f"String should have at most {_GROUP_CHARS_MAX} characters"
            raise ValidationFailed.at(["query", "reporting_group"], message, "string_too_long")
        return labels.group_named(task.project_id, name)
    return labels.group(task.project_id, body.reporting_group_id) if body.reporting_group_id else None


def _revision(request: web.Request, task: Task, started: StartedTaskRun | None, ordinal: int) -> Revision:
    parts = api(request)
    named = named_revision(
        task,
        revision_id=query_id(request, "revision_id") or query_id(request, "revision"),
        tag=request.query.get("revision_tag") or None,
        tags=parts.store.tags,
    )
    if named is not None:
        return named
    playground = started.playground if started is not None else None
    if playground is not None and playground.random_seed is not None:
        return choose_revision(task, playground.random_seed, playground.key, task.id, playground.seq)
    return choose_revision(task, parts.seed, task.id, ordinal)


async def get_run(request: web.Request) -> web.Response:
    """GET P/task/{task_id}/run/{task_run_id}."""
    caller, task = enter_task(request, "task:view")
    run_id = path_id(request, "task_run_id")
    body = await api(request).history.run(task.project_id, task.id, run_id, caller.owner)
    return reply(show_run(body, task.project_id))


async def get_run_file(request: web.Request) -> web.Response:
    """GET P/task/{task_id}/run/{task_run_id}/file/{file_name}."""
    caller, task = enter_task(request, "task:view")
    is_inline = query_bool(request, "inline")
    name = request.match_info["file_name"]
    run_id = path_id(request, "task_run_id")
    file = await api(request).history.file(task.project_id, task.id, run_id, name, caller.owner)
    headers = content_headers(file.content_type, file.original_filename, is_download=not is_inline)
    return web.Response(body=file.content, headers={**headers, "Content-Type": file.content_type})


async def list_task_runs(request: web.Request) -> web.Response:
    """GET P/task/{task_id}/run, newest first."""
    _, task = enter_task(request, "task:view")
    return reply(await _page(request, task.project_id, task.id, has_default_range=False))


async def list_project_runs(request: web.Request) -> web.Response:
    """GET P/task_run, newest first; the last seven days unless the query says otherwise."""
    _, project_id = enter_project(request, "project:view")
    query_bool(request, "include_event_trigger_id")
    return reply(await _page(request, project_id, None, has_default_range=True))


async def list_recent_runs(request: web.Request) -> web.Response:
    """GET P/task_run/recent_by_task."""
    caller, project_id = enter_project(request, "project:view")
    names = {task.id: task.name for task in api(request).tasks.tasks(project_id)}
    recent = await api(request).history.recent(RunFilter(project_id, owner=caller.owner), names)
    found, cursor, limit = page_of(request, recent, itemgetter("task_id"))
    shown = [{**entry, "recent_runs": [show_run(run, project_id) for run in entry["recent_runs"]]} for entry in found]
    return reply(envelope(shown, cursor, limit))


async def _page(request: web.Request, project_id: str, task_id: str | None, *, has_default_range: bool) -> Json:
    limit = page_limit(request)
    wanted = run_filter(request, project_id, task_id, has_default_range=has_default_range)
    found, cursor = await api(request).history.page(wanted, query_id(request, "cursor"), limit)
    return envelope([show_run(run, project_id) for run in found], cursor, limit)
