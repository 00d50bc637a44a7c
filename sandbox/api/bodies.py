"""Request bodies: read within a limit, parsed strictly, checked against a model."""

import asyncio
import zlib
from typing import ClassVar, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox import jsonio, limits
from sandbox.errors import Invalid, Malformed, TooLarge, UnsupportedMedia
from sandbox.media_types import split_list
from sandbox.suggest import nearest

Model = TypeVar("Model", bound="Body")
_DRAIN_FACTOR = 2
_LONG_BYTES = limits.MIB
_CODINGS = frozenset({"gzip", "deflate"})
# Codings of the same name (RFC 9110, 8.4.1.3).
_ALIASES = {"x-gzip": "gzip"}


class Body(BaseModel):
    """A request body; unknown fields are errors.

    `hint` is said to whoever sends something else: what belongs where.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    hint: ClassVar[str] = ""


async def read_limited(request: web.Request, limit: int = limits.REQUEST_BODY_BYTES) -> bytes:
    """Read the whole body. Raises `TooLarge` past `limit` bytes, `UnsupportedMedia` for a content
    encoding that is not read, `Malformed` for one that is broken.

    A body that is somewhat too large is read to its end, so that the client sees the answer.
    """
    if not request.body_exists:
        return b""
    coding, is_decoded = _coding(request)
    declared = request.content_length
    if declared is not None and declared > limit * _DRAIN_FACTOR:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.content.iter_any():
            size += len(part)
            if size > limit:
                parts.clear()
                if size > limit * _DRAIN_FACTOR:
                    raise _too_large(limit)
            else:
                parts.append(part)
    except web.RequestPayloadError:
        raise _broken(coding) from None
    if size > limit:
        raise _too_large(limit)
    if len(parts) == 1:
        body = parts[0]
    elif size > _LONG_BYTES:  # what is as long is put together without the interpreter
        body = await asyncio.to_thread(b"".join, parts)
    else:
        body = b"".join(parts)
    return body if is_decoded else await asyncio.to_thread(gunzip, body, limit)


def _coding(request: web.Request) -> tuple[str, bool]:
    """Return the body's content coding, and whether the server has undone it; raises `UnsupportedMedia`."""
    lines = request.headers.getall("Content-Encoding", ())
    given = [part.lower() for part in split_list(",".join(lines))]
    codings = [_ALIASES.get(part, part) for part in given if part != "identity"]
    if len(lines) > 1 or len(codings) > 1 or not _CODINGS.issuperset(codings):
        known = ", ".join(sorted({*_CODINGS, *_ALIASES, "identity"}))
        raise UnsupportedMedia(f'The Content-Encoding "{", ".join(given)[:100]}" is not read here; use one of {known}.')
    coding = codings[0] if codings else "identity"
    # The server undoes a coding that stands alone under its own name, and passes on the rest as it came.
    return coding, coding == "identity" or given == [coding]


def gunzip(body: bytes, limit: int) -> bytes:
    """Undo gzip, every member of it (RFC 1952); raises `Malformed`, or `TooLarge` past `limit` bytes.

    >>> import gzip
    >>> gunzip(gzip.compress(b"a") + gzip.compress(b"b"), 2)
    b'ab'
    """
    parts, size = [], 0
    while True:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            part = member.decompress(body, limit - size + 1)
        except zlib.error:
            part = b""
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if not member.eof:
            raise _broken("gzip")
        parts.append(part)
        body = member.unused_data
        if not body:
            return b"".join(parts)


def _broken(coding: str) -> Malformed:
    return Malformed(f"The body cannot be read: it is not what {coding} makes, or it is cut off.")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {limit} bytes this route takes.")


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """Read and check a JSON body; an empty one is an empty object.

    Raises `UnsupportedMedia`, `Malformed`, `TooLarge`, or `Invalid` naming every field that is wrong.
    """
    raw = await read_limited(request)
    hint = f" {model.hint}" if model.hint else ""
    if raw and request.content_type not in ("application/json", "application/octet-stream"):
        message = f"The body is {request.content_type[:100]}; send JSON with the header Content-Type: application/json."
        raise UnsupportedMedia(message + hint)
    try:
        value = jsonio.parse(raw) if raw.strip() else {}
    except Malformed as error:
        raise Malformed(error.message + hint) from None
    if not isinstance(value, dict):
        raise Malformed(f"The body must be a JSON object.{hint}")
    if len(value) > limits.BODY_FIELDS:
        raise TooLarge(f"The body has {len(value):,} fields; the limit is {limits.BODY_FIELDS:,}.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details: dict[str, list[str]] = {}
        for item in error.errors():
            said = _say(model, item["type"], item["loc"], item["msg"])
            details.setdefault(".".join(map(str, item["loc"])) or "body", []).append(said)
        wrong = f"These fields are wrong: {', '.join(details)}. See details."
        is_unknown = any(item["type"] == "extra_forbidden" for item in error.errors())
        raise Invalid(wrong + (hint if is_unknown else ""), details=details) from None


def _say(model: type[Body], kind: str, place: tuple[int | str, ...], message: str) -> str:
    if kind == "extra_forbidden":
        near = nearest(str(place[0]), model.model_fields) if len(place) == 1 else None
        return f'Unknown field; did you mean "{near}"?' if near is not None else "Unknown field; leave it out."
    if kind == "missing":
        return "Required field"
    return message
