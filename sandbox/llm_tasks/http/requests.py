"""What a request says before its body: who calls, which project and task, the query."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from sandbox.llm_tasks.access.caller import Caller
from sandbox.llm_tasks.errors import MalformedIdentifier, PermissionDenied, ValidationFailed, not_found
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.tasks.entities import ORGANIZATION_ID, Task
from sandbox.llm_tasks.tasks.fields import is_uuid

_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def path_id(request: web.Request, name: str) -> str:
    """Return an id of the path. Raises `MalformedIdentifier`."""
    value = request.match_info[name]
    if not is_uuid(value):
        raise MalformedIdentifier(name, value)
    return value.lower()


def query_id(request: web.Request, name: str) -> str | None:
    """Return an id of the query, None when it is not there. Raises `MalformedIdentifier`."""
    value = request.query.get(name)
    if not value:
        return None
    if not is_uuid(value):
        raise MalformedIdentifier(name, value)
    return value.lower()


def caller_of(request: web.Request) -> Caller:
    """Return who calls. Raises `BadCredentials`."""
    return api(request).access.caller(request.headers.get("Authorization"))


def check_organization(request: web.Request) -> None:
    """Raise `NotFound` for another organization than the one there is."""
    org_id = path_id(request, "org_id")
    if org_id != ORGANIZATION_ID:
        raise not_found("organization", org_id)


def enter_project(request: web.Request, permission: str) -> tuple[Caller, str]:
    """Return the caller and the project of the path.

    Raises `BadCredentials`, `MalformedIdentifier`, `NotFound`, and `PermissionDenied` for credentials of
    another project or without the permission.
    """
    caller = caller_of(request)
    project_id = _project_of(request, caller, permission)
    caller.require(permission, ("project", project_id))
    return caller, project_id


def enter_task(request: web.Request, permission: str) -> tuple[Caller, Task]:
    """Return the caller and the task of the path; raises as `enter_project` does."""
    caller = caller_of(request)
    project_id = _project_of(request, caller, permission)
    task_id = path_id(request, "task_id")
    caller.require(permission, ("task", task_id))
    return caller, api(request).tasks.task(project_id, task_id, caller.started)


def _project_of(request: web.Request, caller: Caller, permission: str) -> str:
    check_organization(request)
    project_id = path_id(request, "project_id")
    api(request).tasks.project(project_id)
    if caller.project_id not in (None, project_id):
        message = "These credentials belong to another project."
        raise PermissionDenied(permission, message, ("project", project_id), caller.user_id)
    return project_id


def query_bool(request: web.Request, name: str) -> bool:
    """Return a boolean of the query, false when it is not there. Raises `ValidationFailed`."""
    text = request.query.get(name)
    if text is None:
        return False
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise ValidationFailed.at(["query", name], "Input should be a valid boolean", "bool_parsing")
    return value


def query_choice(request: web.Request, name: str, choices: Sequence[str], default: str) -> str:
    """Return one of a few words of the query. Raises `ValidationFailed`."""
    value = request.query.get(name, default)
    if value not in choices:
        raise ValidationFailed.at(["query", name], f"Input should be one of {', '.join(filter(None, choices))}", "enum")
    return value
