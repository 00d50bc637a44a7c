"""Between HTTP and the task API: who calls, which project, what the body and query say, pages."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, TypeVar

from aiohttp import BodyPartReader, web
from aiohttp.http import HttpProcessingError
from pydantic import ValidationError

from sandbox import jsonio, limits
from sandbox.clock import Clock
from sandbox.errors import Malformed, TooLarge, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.llm_tasks.access import Access, Caller
from sandbox.llm_tasks.documents import sniff
from sandbox.llm_tasks.engines.base import InputFile
from sandbox.llm_tasks.engines.catalog import Catalog
from sandbox.llm_tasks.entities import ORGANIZATION_ID, Task
from sandbox.llm_tasks.errors import MalformedIdentifier, PermissionDenied, ValidationFailed, not_found
from sandbox.llm_tasks.history import PAGE_LIMIT_MAX, History
from sandbox.llm_tasks.input_processors import Processors
from sandbox.llm_tasks.links import ServerLinks
from sandbox.llm_tasks.models import Body, RunBody, is_uuid
from sandbox.llm_tasks.running import Runner, stored_name
from sandbox.llm_tasks.service import TaskService
from sandbox.media_types import normal_media_type, read_media_type

BodyModel = TypeVar("BodyModel", bound=Body)
ReadBody = Callable[[web.Request, int], Awaitable[bytes]]
_RUN_BODY_BYTES: Final = limits.FILE_BYTES * 4 // 3 + limits.REQUEST_BODY_BYTES
_FORM_FIELDS: Final = frozenset(RunBody.model_fields) - {"task_files"}
_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class TaskApi:
    """Everything the handlers use."""

    service: TaskService
    runner: Runner
    history: History
    access: Access
    catalog: Catalog
    processors: Processors
    links: ServerLinks
    clock: Clock
    read_body: ReadBody
    seed: int
    secrets: tuple[str, ...] = ()


API: Final = web.AppKey("llm_tasks", TaskApi)


def api(request: web.Request) -> TaskApi:
    """Return what the app put together."""
    return request.app[API]


def reply(value: Json, headers: dict[str, str] | None = None) -> web.Response:
    """Answer 200, the only status of success here."""
    return web.Response(body=jsonio.dump(value), content_type="application/json", headers=headers)


# -- who and where -------------------------------------------------------------------------------


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
    return caller, api(request).service.task(project_id, task_id, caller.started)


def _project_of(request: web.Request, caller: Caller, permission: str) -> str:
    check_organization(request)
    project_id = path_id(request, "project_id")
    api(request).service.project(project_id)
    if caller.project_id not in (None, project_id):
        message = "These credentials belong to another project."
        raise PermissionDenied(permission, message, ("project", project_id), caller.user_id)
    return project_id


# -- queries -------------------------------------------------------------------------------------


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


def page_limit(request: web.Request) -> int:
    """Return the page size, 1 to 100. Raises `ValidationFailed`."""
    text = request.query.get("page_limit", str(PAGE_LIMIT_MAX))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PAGE_LIMIT_MAX:
        message = f"Input should be a whole number from 1 to {PAGE_LIMIT_MAX}"
        raise ValidationFailed.at(["query", "page_limit"], message, "int_parsing")
    return int(text)


def envelope(results: Sequence[Json], next_cursor: str | None, limit: int) -> Json:
    """Return the documented page."""
    pagination = {"next_cursor": next_cursor, "has_next": next_cursor is not None, "page_limit": limit}
    return {"results": list(results), "pagination": pagination}


def page_of(
    request: web.Request, rows: Sequence[Any], id_of: Callable[[Any], str] = attrgetter("id")
) -> tuple[list[Any], str | None, int]:
    """Cut a page out of objects in memory; the cursor is the id of the page's last object."""
    limit, cursor = page_limit(request), query_id(request, "cursor")
    at = 0
    if cursor is not None:
        at = next((i + 1 for i, row in enumerate(rows) if id_of(row) == cursor), -1)
        if at < 0:
            raise ValidationFailed.at(["query", "cursor"], "The cursor names nothing in this list.")
    shown = list(rows[at : at + limit])
    has_next = len(rows) > at + limit
    return shown, id_of(shown[-1]) if has_next else None, limit


# -- bodies --------------------------------------------------------------------------------------


async def read_json(request: web.Request, model: type[BodyModel], limit: int = limits.REQUEST_BODY_BYTES) -> BodyModel:
    """Read and check a JSON body. Raises `ValidationFailed`, `TooLarge`, `UnsupportedMedia`."""
    raw = await api(request).read_body(request, limit)
    if request.content_type not in ("application/json", "application/octet-stream", "text/plain"):
        raise UnsupportedMedia(
            f"The body is {request.content_type[:100]}; send JSON with Content-Type: application/json."
        )
    if not raw.strip():
        raise ValidationFailed.at(["body"], "Field required", "missing")
    try:
        value = jsonio.parse(raw)
    except Malformed as error:
        raise ValidationFailed.at(["body"], error.message, "json_invalid") from None
    return validate(model, value)


def validate(model: type[BodyModel], value: Json) -> BodyModel:
    """Check a body against its model. Raises `ValidationFailed`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ValidationFailed.of(error, "body") from None


async def read_run(request: web.Request) -> tuple[RunBody, tuple[InputFile, ...]]:
    """Read a run's body, JSON or multipart. Raises `ValidationFailed`, `TooLarge`, `UnsupportedMedia`."""
    if request.content_type == "multipart/form-data":
        fields, files = await _read_multipart(request)
        body = validate(RunBody, {"task_input": {}, **fields})
    else:
        body = await read_json(request, RunBody, _RUN_BODY_BYTES)
        files = [_decoded(i, f.filename, f.content) for i, f in enumerate(body.task_files)]
    if len(files) > limits.LLM_FILES_PER_RUN:
        raise TooLarge(f"A run takes at most {limits.LLM_FILES_PER_RUN} files.")
    if any(len(file.content) > limits.FILE_BYTES for file in files):
        raise TooLarge(f"A file is larger than {limits.FILE_BYTES} bytes.")
    return body, tuple(files)


def _decoded(position: int, name: str, content: str) -> InputFile:
    try:
        raw = base64.b64decode(content.partition(";base64,")[2] or content, validate=True)
    except (binascii.Error, ValueError):
        raise ValidationFailed.at(["body", "task_files", position, "content"], "Input should be base64") from None
    return _file(name, None, raw)


def _file(name: str, declared: str | None, content: bytes) -> InputFile:
    import mimetypes

    plain = _plain_name(name)
    guessed = sniff(content) or mimetypes.guess_type(plain)[0]
    given = declared if declared is not None and read_media_type(declared).name != "application/octet-stream" else None
    kind = given or guessed or "application/octet-stream"
    return InputFile(plain, stored_name(plain, read_media_type(kind).name), kind, content)


def _plain_name(name: str) -> str:
    """Return a file's name without folders, control characters and bytes that are no text."""
    text = name.encode(errors="surrogateescape").decode(errors="replace")
    last = text.replace("\\", "/").rpartition("/")[2]
    plain = "".join(char for char in last if char.isprintable())[:255]
    return plain if plain.strip(" .") else "file"


def _field_text(part: BodyPartReader, name: str, content: bytes) -> str:
    charset = part.get_charset("utf-8")
    try:
        text = content.decode(charset)
        text.encode()  # some charsets can say half of a surrogate pair
        return text
    except (UnicodeError, LookupError):
        raise ValidationFailed.at(["body", name], f"Input should be {charset[:40]} text", "string_unicode") from None


async def _read_multipart(request: web.Request) -> tuple[dict[str, Json], list[InputFile]]:
    fields: dict[str, Json] = {}
    files: list[InputFile] = []
    left = _RUN_BODY_BYTES
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise Malformed("The multipart body has a part in parts; send each field as one part.")
            content = bytearray()
            while chunk := await part.read_chunk(64 * limits.KIB):
                left -= len(chunk)
                if left < 0:
                    raise TooLarge(f"The body is larger than {_RUN_BODY_BYTES} bytes.")
                content += chunk
            decoded = bytes(part.decode(bytes(content)))
            name = part.name or ""
            if name in _FORM_FIELDS:
                fields[name] = _field_text(part, name, decoded)
            elif name in ("task_file", "task_files") or part.filename is not None:
                declared = normal_media_type(part.headers.get("Content-Type", ""))
                files.append(_file(part.filename or name, declared, decoded))
    except (ValueError, RuntimeError, AssertionError, HttpProcessingError) as error:
        raise Malformed(f"The multipart body cannot be read: {error}") from None
    if "task_input" in fields:
        try:
            fields["task_input"] = jsonio.parse(fields["task_input"])
        except Malformed as error:
            raise ValidationFailed.at(["body", "task_input"], error.message, "json_invalid") from None
    return fields, files
