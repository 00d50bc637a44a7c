"""Reading the bodies of requests: JSON, and a run's inputs and files as JSON or as a form."""

import asyncio
import base64
import binascii
import mimetypes
from typing import Any, Final, TypeVar

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError
from aiohttp.multipart import BadContentDispositionParam
from pydantic import Field, ValidationError

from sandbox import jsonio, limits
from sandbox.errors import Malformed, TooLarge, UnsupportedMedia
from sandbox.jsonio import Json
from sandbox.llm_tasks.errors import ValidationFailed
from sandbox.llm_tasks.http.parts import api
from sandbox.llm_tasks.inputs.files import InputFile, sniff, stored_name
from sandbox.llm_tasks.tasks.fields import Body, Uuid
from sandbox.media_types import normal_media_type, read_media_type

BodyModel = TypeVar("BodyModel", bound=Body)
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


async def multipart_of(request: web.Request, limit: int) -> MultipartReader:
    """Return the reader of a multipart body that is all there; raises as reading a body does, and `ValueError`."""
    raw = await api(request).read_body(request, limit)
    loop = asyncio.get_running_loop()
    content = StreamReader(BaseProtocol(loop), len(raw) + 1, loop=loop)
    content.feed_data(raw)
    content.feed_eof()
    return MultipartReader(request.headers, content)


async def _read_multipart(request: web.Request) -> tuple[dict[str, Json], list[InputFile]]:
    fields: dict[str, Json] = {}
    files: list[InputFile] = []
    try:
        reader = await multipart_of(request, _RUN_BODY_BYTES)
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise Malformed("The multipart body has a part in parts; send each field as one part.")
            content = bytearray()
            while chunk := await part.read_chunk(64 * limits.KIB):
                content += chunk
            decoded = bytes(part.decode(bytes(content)))
            name = part.name or ""
            if name in _FORM_FIELDS:
                fields[name] = _field_text(part, name, decoded)
            elif name in ("task_file", "task_files") or part.filename is not None:
                declared = normal_media_type(part.headers.get("Content-Type", ""))
                files.append(_file(part.filename or name, declared, decoded))
    except (ValueError, RuntimeError, AssertionError, HttpProcessingError, BadContentDispositionParam) as error:
        raise Malformed(f"The multipart body cannot be read: {error}") from None
    if "task_input" in fields:
        try:
            fields["task_input"] = jsonio.parse(fields["task_input"])
        except Malformed as error:
            raise ValidationFailed.at(["body", "task_input"], error.message, "json_invalid") from None
    return fields, files
