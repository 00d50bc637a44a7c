"""Reports: tokens, credits, usage and timing of a task or project."""

from aiohttp import web

from sandbox.jsonio import Json
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.http.replies import reply
from sandbox.llm_tasks.http.requests import enter_project, enter_task, query_bool, query_choice
from sandbox.llm_tasks.http.run_filters import run_filter
from sandbox.llm_tasks.run import reports


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
    return {group.id: group.name for group in api(request).labels.groups(project_id)}
