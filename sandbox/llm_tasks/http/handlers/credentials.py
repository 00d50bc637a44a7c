"""API keys, OAuth clients, and the exchange of a client's credentials for an access token (RFC 6749 §4.4)."""

from typing import Final

from aiohttp import web

from sandbox import jsonio, limits
from sandbox.errors import Malformed, SandboxError
from sandbox.jsonio import Json
from sandbox.llm_tasks.errors import BadCredentials
from sandbox.llm_tasks.http.bodies import read_json
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.http.replies import envelope, reply
from sandbox.llm_tasks.http.requests import enter_project, path_id
from sandbox.llm_tasks.tasks.models import NamedCreate
from sandbox.wire.authorization import basic_credentials
from sandbox.wire.charsets import check_utf_8
from sandbox.wire.forms import parse_form
from sandbox.wire.multipart import parse_multipart

_FORM_BYTES: Final = 64 * limits.KIB


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
    try:
        basic = basic_credentials(request.headers.get("Authorization"))
    except ValueError as error:
        return _oauth_error("invalid_client", f"The Authorization header is not valid HTTP Basic: {error}.", 401)
    if basic is not None and form.get("client_secret"):
        return _oauth_error("invalid_request", "The client shows who it is in two ways; use Basic or the form.", 400)
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if basic is not None:
        client_id, secret = basic.name, basic.secret
    try:
        token = await api(request).access.exchange(client_id.lower(), secret)
    except BadCredentials as error:
        return _oauth_error("invalid_client", error.message, 401)
    return reply(token, {"Cache-Control": "no-store"})


async def _read_form(request: web.Request) -> dict[str, str]:
    check_utf_8(request.headers.get("Content-Type", ""), "A form")
    raw = await api(request).read_body(request, _FORM_BYTES)
    if request.content_type == "multipart/form-data":
        parts = parse_multipart(request.headers.get("Content-Type", ""), raw)
        pairs = tuple((part.name, part.content.decode("utf-8", "replace")) for part in parts)
    else:
        pairs = parse_form(raw)
    if len(dict(pairs)) != len(pairs):
        raise Malformed("A parameter of the token request is there twice.")
    return dict(pairs)


def _oauth_error(code: str, message: str, status: int) -> web.Response:
    body: Json = {"error": code, "error_description": message}
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="sandbox"'  # RFC 6749, 5.2
    return web.Response(body=jsonio.dump(body), status=status, content_type="application/json", headers=headers)
