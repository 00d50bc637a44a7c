"""Tasks and their reports, tags, reporting groups."""

from aiohttp import web

from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.llm_tasks.access.credentials import Caller
from sandbox.llm_tasks.http.requests import (
    api,
    enter_project,
    enter_task,
    envelope,
    page_of,
    path_id,
    query_bool,
    query_choice,
    query_id,
    read_json,
    reply,
)
from sandbox.llm_tasks.http.run_filters import run_filter
from sandbox.llm_tasks.http.show import show_group, show_tag, show_task
from sandbox.llm_tasks.run import reports
from sandbox.llm_tasks.tasks.entities import Task
from sandbox.llm_tasks.tasks.fields import (
    ReportingGroupCreate,
    TagCreate,
    TagEntities,
    TagUpdate,
    TaskCreate,
    TaskUpdate,
)
from sandbox.llm_tasks.tasks.task_service import ENTITY_TYPES


def _show(request: web.Request, caller: Caller, task: Task, *, include_tests: bool = False) -> Json:
    parts = api(request)
    token = parts.access.task_token(task) if "task:edit" in caller.permissions else None
    return show_task(
        task,
        parts.service.store,
        parts.catalog,
        token,
        include_tests=include_tests,
        revision_tag_id=query_id(request, "revision_tag_id"),
    )


async def create_task(request: web.Request) -> web.Response:
    """POST P/task."""
    caller, project_id = enter_project(request, "project:create_task")
    task = await api(request).service.create_task(project_id, await read_json(request, TaskCreate))
    return reply(_show(request, caller, task))


async def list_tasks(request: web.Request) -> web.Response:
    """GET P/task, newest first."""
    caller, project_id = enter_project(request, "project:view")
    name, tag_id = request.query.get("name") or None, query_id(request, "tag_id")
    query_bool(request, "created_by_me")  # there is one user
    include_tests = query_bool(request, "include_tests")
    found = api(request).service.tasks(project_id, name=name, tag_id=tag_id)
    shown, cursor, limit = page_of(request, found)
    return reply(envelope([_show(request, caller, t, include_tests=include_tests) for t in shown], cursor, limit))


async def get_task(request: web.Request) -> web.Response:
    """GET P/task/{task_id}."""
    caller, task = enter_task(request, "task:view")
    return reply(_show(request, caller, task, include_tests=query_bool(request, "include_tests")))


async def update_task(request: web.Request) -> web.Response:
    """POST P/task/{task_id}."""
    caller, task = enter_task(request, "task:edit")
    revision = await api(request).service.update_task(task, await read_json(request, TaskUpdate))
    headers = {"X-New-Revision-created": "true" if revision is not None else "false"}
    if revision is not None:
        headers["X-New-Revision-ID"] = revision.id
    is_test = revision is not None and revision.is_test
    return reply(_show(request, caller, task, include_tests=is_test), headers)


async def delete_task(request: web.Request) -> web.Response:
    """DELETE P/task/{task_id}."""
    _, task = enter_task(request, "task:edit")
    await api(request).service.delete_task(task)
    return reply({"id": task.id, "deleted": task.deleted})


# -- reports -------------------------------------------------------------------------------------


async def token_report(request: web.Request) -> web.Response:
    """GET P/task/{task_id}/token_report."""
    _, task = enter_task(request, "task:view")
    by_group, groups = query_bool(request, "show_reporting_group"), _group_names(request, task.project_id)
    wanted = run_filter(request, task.project_id, task.id, has_default_range=False)
    return reply(await reports.token_report(api(request).history, wanted, by_group=by_group, groups=groups))


async def credit_report(request: web.Request) -> web.Response:
    """GET P/task/{task_id}/credit_report."""
    _, task = enter_task(request, "task:view")
    by_group, groups = query_bool(request, "show_reporting_group"), _group_names(request, task.project_id)
    wanted = run_filter(request, task.project_id, task.id, has_default_range=False)
    return reply(await reports.credit_report(api(request).history, wanted, by_group=by_group, groups=groups))


async def usage_report(request: web.Request) -> web.Response:
    """GET P/task/{task_id}/usage_report."""
    _, task = enter_task(request, "task:view")
    return reply(await _usage(request, task.project_id, task.id))


async def timing_report(request: web.Request) -> web.Response:
    """GET P/task/{task_id}/timing_report."""
    _, task = enter_task(request, "task:view")
    return reply(await _timing(request, task.project_id, task.id))


async def project_usage_report(request: web.Request) -> web.Response:
    """GET P/task_run/usage_report."""
    _, project_id = enter_project(request, "project:view")
    return reply(await _usage(request, project_id, None))


async def project_timing_report(request: web.Request) -> web.Response:
    """GET P/task_run/timing_report."""
    _, project_id = enter_project(request, "project:view")
    return reply(await _timing(request, project_id, None))


async def _usage(request: web.Request, project_id: str, task_id: str | None) -> Json:
    wanted = run_filter(
        request, project_id, task_id, has_default_range=False, errors_only=query_bool(request, "errors_only")
    )
    aggregation = query_choice(request, "aggregation", ("day", "week"), "day")
    return await reports.usage_report(api(request).history, wanted, aggregation=aggregation)


async def _timing(request: web.Request, project_id: str, task_id: str | None) -> Json:
    wanted = run_filter(request, project_id, task_id, has_default_range=False)
    aggregation = query_choice(request, "aggregation", ("hour", "day"), "day")
    return await reports.timing_report(api(request).history, wanted, aggregation=aggregation)


def _group_names(request: web.Request, project_id: str) -> dict[str, str]:
    return {group.id: group.name for group in api(request).service.groups(project_id)}


# -- tags ----------------------------------------------------------------------------------------


def _entity_type(request: web.Request) -> str:
    name = request.match_info["entity_type"]
    if name not in ENTITY_TYPES:
        raise NotFound(f"There are no tags on {name[:60]}; there are on {', '.join(sorted(ENTITY_TYPES))}.")
    return name


async def create_tag(request: web.Request) -> web.Response:
    """POST P/{entity_type}/tag."""
    _, project_id = enter_project(request, "project:edit")
    service = api(request).service
    tag = await service.create_tag(project_id, _entity_type(request), await read_json(request, TagCreate))
    return reply(show_tag(tag, service.store))


async def list_tags(request: web.Request) -> web.Response:
    """GET P/{entity_type}/tag."""
    _, project_id = enter_project(request, "project:view")
    service = api(request).service
    shown, cursor, limit = page_of(request, service.tags(project_id, _entity_type(request)))
    return reply(envelope([show_tag(tag, service.store) for tag in shown], cursor, limit))


async def get_tag(request: web.Request) -> web.Response:
    """GET P/{entity_type}/tag/{tag_id}."""
    _, project_id = enter_project(request, "project:view")
    service = api(request).service
    tag = service.tag(project_id, _entity_type(request), path_id(request, "tag_id"))
    return reply(show_tag(tag, service.store))


async def update_tag(request: web.Request) -> web.Response:
    """POST P/{entity_type}/tag/{tag_id}."""
    _, project_id = enter_project(request, "project:edit")
    service = api(request).service
    tag = service.tag(project_id, _entity_type(request), path_id(request, "tag_id"))
    await service.update_tag(tag, await read_json(request, TagUpdate))
    return reply(show_tag(tag, service.store))


async def add_tagged(request: web.Request) -> web.Response:
    """POST P/{entity_type}/tag/{tag_id}/add."""
    return await _set_tagged(request, is_on=True)


async def remove_tagged(request: web.Request) -> web.Response:
    """POST P/{entity_type}/tag/{tag_id}/remove."""
    return await _set_tagged(request, is_on=False)


async def _set_tagged(request: web.Request, *, is_on: bool) -> web.Response:
    _, project_id = enter_project(request, "project:edit")
    service = api(request).service
    tag = service.tag(project_id, _entity_type(request), path_id(request, "tag_id"))
    body = await read_json(request, TagEntities)
    await service.set_tagged(tag, body.entities, is_on=is_on)
    return reply(show_tag(tag, service.store))


async def delete_tag(request: web.Request) -> web.Response:
    """DELETE P/{entity_type}/tag/{tag_id}, or P/tags/{tag_id}."""
    _, project_id = enter_project(request, "project:edit")
    service = api(request).service
    tag_id = path_id(request, "tag_id")
    held = service.store.tags.get(tag_id)
    kind = _entity_type(request) if "entity_type" in request.match_info else held.entity_type if held else "task"
    await service.delete_tag(service.tag(project_id, kind, tag_id))
    return reply({"id": tag_id, "deleted": True})


# -- reporting groups ----------------------------------------------------------------------------


async def create_group(request: web.Request) -> web.Response:
    """POST P/reporting-groups."""
    _, project_id = enter_project(request, "project:edit")
    body = await read_json(request, ReportingGroupCreate)
    return reply(show_group(await api(request).service.create_group(project_id, body)))


async def list_groups(request: web.Request) -> web.Response:
    """GET P/reporting-groups."""
    _, project_id = enter_project(request, "project:view")
    shown, cursor, limit = page_of(request, api(request).service.groups(project_id))
    return reply(envelope([show_group(group) for group in shown], cursor, limit))


async def get_group(request: web.Request) -> web.Response:
    """GET P/reporting-groups/{reporting_group_id}."""
    _, project_id = enter_project(request, "project:view")
    return reply(show_group(api(request).service.group(project_id, path_id(request, "reporting_group_id"))))


async def delete_group(request: web.Request) -> web.Response:
    """DELETE P/reporting-groups/{reporting_group_id}."""
    _, project_id = enter_project(request, "project:edit")
    service = api(request).service
    group = service.group(project_id, path_id(request, "reporting_group_id"))
    await service.delete_group(group)
    return reply({"id": group.id, "deleted": True})
