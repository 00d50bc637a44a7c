"""Tasks and their revisions."""

from aiohttp import web

from sandbox.jsonio import Json
from sandbox.llm_tasks.access.caller import Caller
from sandbox.llm_tasks.http.bodies import read_json
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.http.replies import envelope, page_of, reply
from sandbox.llm_tasks.http.requests import enter_project, enter_task, query_bool, query_id
from sandbox.llm_tasks.http.show import show_task
from sandbox.llm_tasks.tasks.entities import Task
from sandbox.llm_tasks.tasks.models import TaskCreate, TaskUpdate


def _show(request: web.Request, caller: Caller, task: Task, *, include_tests: bool = False) -> Json:
    parts = api(request)
    token = parts.access.task_token(task) if "task:edit" in caller.permissions else None
    return show_task(
        task,
        parts.store,
        parts.catalog,
        token,
        include_tests=include_tests,
        revision_tag_id=query_id(request, "revision_tag_id"),
    )


async def create_task(request: web.Request) -> web.Response:
    """POST P/task."""
    caller, project_id = enter_project(request, "project:create_task")
    task = await api(request).tasks.create_task(project_id, await read_json(request, TaskCreate))
    return reply(_show(request, caller, task))


async def list_tasks(request: web.Request) -> web.Response:
    """GET P/task, newest first."""
    caller, project_id = enter_project(request, "project:view")
    name, tag_id = request.query.get("name") or None, query_id(request, "tag_id")
    query_bool(request, "created_by_me")  # there is one user
    include_tests = query_bool(request, "include_tests")
    found = api(request).tasks.tasks(project_id, name=name, tag_id=tag_id)
    shown, cursor, limit = page_of(request, found)
    return reply(envelope([_show(request, caller, t, include_tests=include_tests) for t in shown], cursor, limit))


async def get_task(request: web.Request) -> web.Response:
    """GET P/task/{task_id}."""
    caller, task = enter_task(request, "task:view")
    return reply(_show(request, caller, task, include_tests=query_bool(request, "include_tests")))


async def update_task(request: web.Request) -> web.Response:
    """POST P/task/{task_id}."""
    caller, task = enter_task(request, "task:edit")
    revision = await api(request).tasks.update_task(task, await read_json(request, TaskUpdate))
    headers = {"X-New-Revision-created": "true" if revision is not None else "false"}
    if revision is not None:
        headers["X-New-Revision-ID"] = revision.id
    is_test = revision is not None and revision.is_test
    return reply(_show(request, caller, task, include_tests=is_test), headers)


async def delete_task(request: web.Request) -> web.Response:
    """DELETE P/task/{task_id}."""
    _, task = enter_task(request, "task:edit")
    await api(request).tasks.delete_task(task)
    return reply({"id": task.id, "deleted": task.deleted})
