"""Tags and reporting groups."""

from aiohttp import web

from sandbox.errors import NotFound
from sandbox.llm_tasks.http.bodies import read_json
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.http.replies import envelope, page_of, reply
from sandbox.llm_tasks.http.requests import enter_project, path_id
from sandbox.llm_tasks.http.show import show_group, show_tag
from sandbox.llm_tasks.tasks.labels import ENTITY_TYPES
from sandbox.llm_tasks.tasks.models import ReportingGroupCreate, TagCreate, TagEntities, TagUpdate


def _entity_type(request: web.Request) -> str:
    name = request.match_info["entity_type"]
    if name not in ENTITY_TYPES:
        raise NotFound(f"There are no tags on {name[:60]}; there are on {', '.join(sorted(ENTITY_TYPES))}.")
    return name


async def create_tag(request: web.Request) -> web.Response:
    """POST P/{entity_type}/tag."""
    _, project_id = enter_project(request, "project:edit")
    parts = api(request)
    tag = await parts.labels.create_tag(project_id, _entity_type(request), await read_json(request, TagCreate))
    return reply(show_tag(tag, parts.store))


async def list_tags(request: web.Request) -> web.Response:
    """GET P/{entity_type}/tag."""
    _, project_id = enter_project(request, "project:view")
    parts = api(request)
    shown, cursor, limit = page_of(request, parts.labels.tags(project_id, _entity_type(request)))
    return reply(envelope([show_tag(tag, parts.store) for tag in shown], cursor, limit))


async def get_tag(request: web.Request) -> web.Response:
    """GET P/{entity_type}/tag/{tag_id}."""
    _, project_id = enter_project(request, "project:view")
    parts = api(request)
    tag = parts.labels.tag(project_id, _entity_type(request), path_id(request, "tag_id"))
    return reply(show_tag(tag, parts.store))


async def update_tag(request: web.Request) -> web.Response:
    """POST P/{entity_type}/tag/{tag_id}."""
    _, project_id = enter_project(request, "project:edit")
    parts = api(request)
    tag = parts.labels.tag(project_id, _entity_type(request), path_id(request, "tag_id"))
    await parts.labels.update_tag(tag, await read_json(request, TagUpdate))
    return reply(show_tag(tag, parts.store))


async def add_tagged(request: web.Request) -> web.Response:
    """POST P/{entity_type}/tag/{tag_id}/add."""
    return await _set_tagged(request, is_on=True)


async def remove_tagged(request: web.Request) -> web.Response:
    """POST P/{entity_type}/tag/{tag_id}/remove."""
    return await _set_tagged(request, is_on=False)


async def _set_tagged(request: web.Request, *, is_on: bool) -> web.Response:
    _, project_id = enter_project(request, "project:edit")
    parts = api(request)
    tag = parts.labels.tag(project_id, _entity_type(request), path_id(request, "tag_id"))
    body = await read_json(request, TagEntities)
    await parts.labels.set_tagged(tag, body.entities, is_on=is_on)
    return reply(show_tag(tag, parts.store))


async def delete_tag(request: web.Request) -> web.Response:
    """DELETE P/{entity_type}/tag/{tag_id}, or P/tags/{tag_id}."""
    _, project_id = enter_project(request, "project:edit")
    parts = api(request)
    tag_id = path_id(request, "tag_id")
    held = parts.store.tags.get(tag_id)
    kind = _entity_type(request) if "entity_type" in request.match_info else held.entity_type if held else "task"
    await parts.labels.delete_tag(parts.labels.tag(project_id, kind, tag_id))
    return reply({"id": tag_id, "deleted": True})


async def create_group(request: web.Request) -> web.Response:
    """POST P/reporting-groups."""
    _, project_id = enter_project(request, "project:edit")
    body = await read_json(request, ReportingGroupCreate)
    return reply(show_group(await api(request).labels.create_group(project_id, body)))


async def list_groups(request: web.Request) -> web.Response:
    """GET P/reporting-groups."""
    _, project_id = enter_project(request, "project:view")
    shown, cursor, limit = page_of(request, api(request).labels.groups(project_id))
    return reply(envelope([show_group(group) for group in shown], cursor, limit))


async def get_group(request: web.Request) -> web.Response:
    """GET P/reporting-groups/{reporting_group_id}."""
    _, project_id = enter_project(request, "project:view")
    return reply(show_group(api(request).labels.group(project_id, path_id(request, "reporting_group_id"))))


async def delete_group(request: web.Request) -> web.Response:
    """DELETE P/reporting-groups/{reporting_group_id}."""
    _, project_id = enter_project(request, "project:edit")
    parts = api(request)
    group = parts.labels.group(project_id, path_id(request, "reporting_group_id"))
    await parts.labels.delete_group(group)
    return reply({"id": group.id, "deleted": True})
