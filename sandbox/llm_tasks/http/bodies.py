"""Reading the bodies of requests: JSON, and a run's inputs and files as JSON or as a form."""

import asyncio
from functools import partial
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import Field, ValidationError

from sandbox import jsonio, limits
from sandbox.errors import Malformed, TooLarge, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.llm_tasks.errors import ValidationFailed
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.inputs.files import RunFile, stored_name
from sandbox.llm_tasks.tasks.fields import Body, Uuid
from sandbox.wire.base64_text import read_base64
from sandbox.wire.charsets import check_utf_8, find_charset
from sandbox.wire.file_types import UNKNOWN, guess_type, sniff
from sandbox.wire.media_types import charset_of, is_json, normal_media_type, read_media_type
from sandbox.wire.multipart import Part, parse_multipart

BodyModel = TypeVar("BodyModel", bound=Body)
_LONG_BYTES: Final = 32 * limits.KIB  # what is longer is read beside the loop
_RUN_BODY_BYTES: Final = limits.FILE_BYTES * 4 // 3 + limits.REQUEST_BODY_BYTES


class SentFile(Body):
    """A file in a JSON run body."""

    filename: str = Field(min_length=1, max_length=255)
    content: str


class RunBody(Body):
    """Body of `POST task/{task_id}/run`."""

    task_input: dict[str, Any]
    task_files: list[SentFile] = []
    task_reference: str | None = Field(default=None, max_length=64)
    reference: str | None = Field(default=None, max_length=64)
    context_id: str | None = Field(default=None, max_length=64)
    reporting_group_id: Uuid | None = None


_FORM_FIELDS: Final = frozenset(RunBody.model_fields) - {"task_files"}


async def read_json(request: web.Request, model: type[BodyModel], limit: int = limits.REQUEST_BODY_BYTES) -> BodyModel:
    """Read and check a JSON body. Raises `ValidationFailed`, `TooLarge`, `UnsupportedMedia`."""
    check_utf_8(request.headers.get("Content-Type", ""), "JSON")
    raw = await api(request).read_body(request, limit)
    if not is_json(request.content_type) and request.content_type != "text/plain":
        raise UnsupportedMedia(
            f"The body is {request.content_type[:100]}; send JSON with Content-Type: application/json."
        )
    if not raw.strip():
        raise ValidationFailed.at(["body"], "Field required", "missing")
    if len(raw) > _LONG_BYTES:
        return await api(request).crew.do(partial(_parsed, raw, model))
    return _parsed(raw, model)


def _parsed(raw: bytes, model: type[BodyModel]) -> BodyModel:
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


async def read_run(request: web.Request) -> tuple[RunBody, tuple[RunFile, ...]]:
    """Read a run's body, JSON or multipart. Raises `ValidationFailed`, `TooLarge`, `UnsupportedMedia`."""
    if request.content_type == "multipart/form-data":
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise UnsupportedMedia("A form with files is not read compressed; send it without a Content-Encoding.")
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


def _decoded(position: int, name: str, content: str) -> RunFile:
    raw = read_base64(content.partition(";base64,")[2] or content)
    if raw is None:
        raise ValidationFailed.at(["body", "task_files", position, "content"], "Input should be base64")
    return _file(name, None, raw)


def _file(name: str, declared: str | None, content: bytes) -> RunFile:
    plain = _plain_name(name)
    guessed = sniff(content) or guess_type(plain)
    given = declared if declared is not None and read_media_type(declared).name != UNKNOWN else None
    kind = given or guessed
    return RunFile(plain, stored_name(plain, read_media_type(kind).name), kind, content)


def _plain_name(name: str) -> str:
    """Return a file's name without folders, control characters and bytes that are no text."""
    text = name.encode(errors="surrogateescape").decode(errors="replace")
    last = text.replace("\\", "/").rpartition("/")[2]
    plain = "".join(char for char in last if char.isprintable())[:255]
    return plain if plain.strip(" .") else "file"


def _field_text(part: Part) -> str:
    charset = charset_of(part.content_type) or "utf-8"
    known = find_charset(charset)
    try:
        if known is None:
            raise LookupError(charset)
        return part.content.decode(known)
    except (UnicodeError, LookupError):
        message = f"Input should be {charset[:40]} text"
        raise ValidationFailed.at(["body", part.name], message, "string_unicode") from None


async def _read_multipart(request: web.Request) -> tuple[dict[str, Json], list[RunFile]]:
    fields: dict[str, Json] = {}
    files: list[RunFile] = []
    body = await api(request).read_body(request, _RUN_BODY_BYTES)
    for part in await asyncio.to_thread(parse_multipart, request.headers.get("Content-Type", ""), body):
        if part.name in fields:
            raise ValidationFailed.at(["body", part.name], "The field is there twice")
        if part.name in _FORM_FIELDS:
            fields[part.name] = _field_text(part)
        elif part.name in ("task_file", "task_files") or part.filename is not None:
            files.append(_file(part.filename or part.name, normal_media_type(part.content_type), part.content))
    if "task_input" in fields:
        try:
            fields["task_input"] = await api(request).crew.do(partial(jsonio.parse, fields["task_input"]))
        except Malformed as error:
            raise ValidationFailed.at(["body", "task_input"], error.message, "json_invalid") from None
    return fields, files
