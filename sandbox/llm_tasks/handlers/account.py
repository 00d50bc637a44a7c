"""Who am I, organizations, projects, credentials, models, input processors."""

from typing import Final
from urllib.parse import parse_qs

from aiohttp import BodyPartReader, web
from aiohttp.http import HttpProcessingError

from sandbox import jsonio, limits
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.llm_tasks.access import basic_credentials
from sandbox.llm_tasks.entities import ORGANIZATION_ID, PROJECT_ID
from sandbox.llm_tasks.errors import BadCredentials, not_found
from sandbox.llm_tasks.models import NamedCreate
from sandbox.llm_tasks.show import show_organization, show_project
from sandbox.llm_tasks.wire import (
    api,
    caller_of,
    check_organization,
    enter_project,
    envelope,
    page_of,
    path_id,
    query_bool,
    query_choice,
    read_json,
    reply,
)

_FORM_BYTES: Final = 64 * limits.KIB


async def whoami(request: web.Request) -> web.Response:
    """GET /whoami."""
    caller = caller_of(request)
    client = {"org_id": ORGANIZATION_ID, "project_id": caller.project_id or PROJECT_ID}
    return reply({"id": caller.user_id, "email": "local@sandbox.example", "name": "Local user", "client": client})


async def list_organizations(request: web.Request) -> web.Response:
    """GET /org."""
    caller_of(request)
    return reply(envelope([show_organization()], None, 100))


async def get_organization(request: web.Request) -> web.Response:
    """GET /org/{org_id}."""
    caller_of(request)
    check_organization(request)
    return reply(show_organization())


async def list_projects(request: web.Request) -> web.Response:
    """GET /org/{org_id}/project; credentials of one project see that one."""
    caller = caller_of(request)
    check_organization(request)
    projects = api(request).service.store.projects.values()
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
    return reply(show_project(await api(request).service.create_project(body.name)))


async def get_project(request: web.Request) -> web.Response:
    """GET /org/{org_id}/project/{project_id}."""
    _, project_id = enter_project(request, "project:view")
    return reply(show_project(api(request).service.project(project_id)))


# -- models and processors -----------------------------------------------------------------------


async def list_models(request: web.Request) -> web.Response:
    """GET P/model: a bare array."""
    enter_project(request, "project:view")
    query_bool(request, "include_retired")
    wanted = query_choice(request, "output_capability", ("", "image"), "")
    return reply([m.to_json() for m in api(request).catalog if not wanted or wanted in m.modalities])


async def get_model(request: web.Request) -> web.Response:
    """GET P/model/{model_id_or_name}."""
    enter_project(request, "project:view")
    name = request.match_info["model_id_or_name"]
    model = api(request).catalog.find(name)
    if model is None:
        raise not_found("model", name)
    return reply(model.to_json())


async def list_input_processors(request: web.Request) -> web.Response:
    """GET P/input_processor: a bare array."""
    enter_project(request, "project:view")
    return reply(api(request).processors.to_json())


# -- credentials ---------------------------------------------------------------------------------


async def create_api_key(request: web.Request) -> web.Response:
    """POST P/api_key; the key is in this answer only."""
    _, project_id = enter_project(request, "project:edit")
    body = await read_json(request, NamedCreate)
    return reply(await api(request).access.create_api_key(project_id, body.name))


async def list_api_keys(request: web.Request) -> web.Response:
    """GET P/api_key: a bare array, without the keys."""
    _, project_id = enter_project(request, "project:edit")
    return reply(list(api(request).access.list(project_id, "api_key")))


async def revoke_api_key(request: web.Request) -> web.Response:
    """POST P/api_key/{api_key_id}/revoke."""
    _, project_id = enter_project(request, "project:edit")
    return reply(await api(request).access.revoke(project_id, "api_key", path_id(request, "api_key_id")))


async def create_oauth_client(request: web.Request) -> web.Response:
    """POST P/oauth_client; the secret is in this answer only."""
    _, project_id = enter_project(request, "project:edit")
    body = await read_json(request, NamedCreate)
    return reply(await api(request).access.create_client(project_id, body.name))


async def list_oauth_clients(request: web.Request) -> web.Response:
    """GET P/oauth_client."""
    _, project_id = enter_project(request, "project:edit")
    return reply(envelope(list(api(request).access.list(project_id, "oauth_client")), None, 100))


async def delete_oauth_client(request: web.Request) -> web.Response:
    """DELETE P/oauth_client/{oauth_client_id}; its access tokens end with it."""
    _, project_id = enter_project(request, "project:edit")
    client_id = path_id(request, "oauth_client_id")
    await api(request).access.revoke(project_id, "oauth_client", client_id)
    return reply({"id": client_id, "deleted": True})


async def exchange_token(request: web.Request) -> web.Response:
    """POST /oauth2/token: client credentials by HTTP Basic or in the form, urlencoded or multipart."""
    try:
        form = await _read_form(request)
    except SandboxError as error:
        return _oauth_error("invalid_request", error.message, error.status)
    if not form.get("grant_type"):
        return _oauth_error("invalid_request", "grant_type is missing; it must be client_credentials.", 400)
    if form["grant_type"] != "client_credentials":
        return _oauth_error("unsupported_grant_type", "grant_type must be client_credentials.", 400)
    basic = basic_credentials(request.headers.get("Authorization"))
    client_id, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
    try:
        token = await api(request).access.exchange(client_id.lower(), secret)
    except BadCredentials as error:
        return _oauth_error("invalid_client", error.message, 401)
    return reply(token, {"Cache-Control": "no-store"})


async def _read_form(request: web.Request) -> dict[str, str]:
    if request.content_type == "multipart/form-data":
        form: dict[str, str] = {}
        try:
            reader = await request.multipart()
            while (part := await reader.next()) is not None and len(form) < 20:
                if isinstance(part, BodyPartReader):
                    form[part.name or ""] = (await part.read_chunk(_FORM_BYTES)).decode("utf-8", "replace")
        except (ValueError, RuntimeError, AssertionError, HttpProcessingError):
            return {}
        return form
    raw = await api(request).read_body(request, _FORM_BYTES)
    return {name: values[-1] for name, values in parse_qs(raw.decode("utf-8", "replace")).items()}


def _oauth_error(code: str, message: str, status: int) -> web.Response:
    body: Json = {"error": code, "error_description": message}
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="sandbox"'  # RFC 6749, 5.2
    return web.Response(body=jsonio.dump(body), status=status, content_type="application/json", headers=headers)
