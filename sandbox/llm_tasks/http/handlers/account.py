"""Who am I, organizations, projects."""

from aiohttp import web

from sandbox.llm_tasks.http.bodies import read_json
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.http.replies import envelope, page_limit, page_of, reply
from sandbox.llm_tasks.http.requests import caller_of, check_organization, enter_project
from sandbox.llm_tasks.http.show import show_organization, show_project
from sandbox.llm_tasks.tasks.entities import ORGANIZATION_ID, PROJECT_ID
from sandbox.llm_tasks.tasks.models import NamedCreate


async def whoami(request: web.Request) -> web.Response:
    """GET /whoami."""
    caller = caller_of(request)
    client = {"org_id": ORGANIZATION_ID, "project_id": caller.project_id or PROJECT_ID}
    return reply({"id": caller.user_id, "email": "local@sandbox.example", "name": "Local user", "client": client})


async def list_organizations(request: web.Request) -> web.Response:
    """GET /org."""
    caller_of(request)
    return reply(envelope([show_organization()], None, page_limit(request)))


async def get_organization(request: web.Request) -> web.Response:
    """GET /org/{org_id}."""
    caller_of(request)
    check_organization(request)
    return reply(show_organization())


async def list_projects(request: web.Request) -> web.Response:
    """GET /org/{org_id}/project; credentials of one project see that one."""
    caller = caller_of(request)
    check_organization(request)
    projects = api(request).store.projects.values()
    seen = [p for p in projects if caller.project_id in (None, p.id)]
    shown, cursor, limit = page_of(request, sorted(seen, key=lambda p: (p.created, p.id), reverse=True))
    return reply(envelope([show_project(p) for p in shown], cursor, limit))


async def create_project(request: web.Request) -> web.Response:
    """POST /org/{org_id}/project (extension)."""
    caller = caller_of(request)
    check_organization(request)
    if caller.project_id is not None:
        caller.require("organization:edit", ("organization", ORGANIZATION_ID))
    body = await read_json(request, NamedCreate)
    return reply(show_project(await api(request).tasks.create_project(body.name)))


async def get_project(request: web.Request) -> web.Response:
    """GET /org/{org_id}/project/{project_id}."""
    _, project_id = enter_project(request, "project:view")
    return reply(show_project(api(request).tasks.project(project_id)))
