"""Request bodies: read within a limit, parsed strictly, checked against a model."""

import asyncio
import zlib
from functools import partial
from typing import ClassVar, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox import jsonio, limits
from sandbox.api.context import CREW
from sandbox.api.incoming import UNFINISHED, Incoming
from sandbox.api.patience import Stalled
from sandbox.errors import Invalid, Malformed, RequestTimeout, TooLarge, UnsupportedMedia
from sandbox.wire.charsets import check_utf_8
from sandbox.wire.field_errors import field_errors
from sandbox.wire.media_types import is_json, read_media_type, split_list

Model = TypeVar("Model", bound="Body")
LONG_BODY_BYTES: Final = 32 * limits.KIB  # what is longer is read beside the loop
_DRAIN_FACTOR = 2
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
    """Read the whole body.

    Raises `TooLarge` past `limit` bytes, `UnsupportedMedia` for a content encoding that is not read, `Malformed` for
    one that is broken; `RequestTimeout` for a body that stops coming, `Unavailable` and `InsufficientStorage` where it
    cannot be kept while it comes.

    A body that is somewhat too large is read to its end, so that the client sees the answer.
    """
    if not request.body_exists:
        return b""
    coding, is_decoded = _coding(request)
    declared = request.content_length
    if declared is not None and declared > limit * _DRAIN_FACTOR:
        raise _too_large(limit)
    size = 0
    with Incoming(request.app[UNFINISHED]) as incoming:
        try:
            async for part in request.content.iter_any():
                size += len(part)
                if size <= limit:
                    await incoming.add(part)
                    continue
                incoming.drop()
                if size > limit * _DRAIN_FACTOR:
                    raise _too_large(limit)
        except Stalled as error:
            raise RequestTimeout(str(error)) from None
        except web.RequestPayloadError:
            raise _broken(coding) from None
        if size > limit:
            raise _too_large(limit)
        body = await incoming.whole()
    return body if is_decoded else await asyncio.to_thread(decoded, coding, body, limit)


def _coding(request: web.Request) -> tuple[str, bool]:
    """Return the body's content coding, and whether it is undone already; raises `UnsupportedMedia`.

    This server's own connections leave bodies as they come, since aiohttp takes one that is cut off for a whole one;
    under another server it has undone a coding that stands alone under its own name.
    """
    lines = request.headers.getall("Content-Encoding", ())
    given = [part.lower() for part in split_list(",".join(lines))]
    codings = [_ALIASES.get(part, part) for part in given if part != "identity"]
    if len(lines) > 1 or len(codings) > 1 or not _CODINGS.issuperset(codings):
        known = ", ".join(sorted({*_CODINGS, *_ALIASES, "identity"}))
        raise UnsupportedMedia(f'The Content-Encoding "{", ".join(given)[:100]}" is not read here; use one of {known}.')
    coding = codings[0] if codings else "identity"
    is_left = getattr(request.protocol, "leaves_bodies", False)
    return coding, coding == "identity" or (given == [coding] and not is_left)


def decoded(coding: str, body: bytes, limit: int) -> bytes:
    """Undo gzip, every member of it (RFC 1952), or deflate; raises `Malformed`, or `TooLarge` past `limit` bytes.

    >>> import gzip
    >>> decoded("gzip", gzip.compress(b"a") + gzip.compress(b"b"), 2), decoded("deflate", zlib.compress(b"a"), 1)
    (b'ab', b'a')
    """
    if coding == "gzip":
        window = zlib.MAX_WBITS | 16
    else:  # zlib's form (RFC 1950) is the standard; the bare one (RFC 1951) is what some clients send
        window = zlib.MAX_WBITS if body[:1] and body[0] & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS
    parts, size = [], 0
    while True:
        member = zlib.decompressobj(window)
        try:
            part = member.decompress(body, limit - size + 1)
        except zlib.error:
            raise _broken(coding) from None
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if not member.eof:
            raise _broken(coding)
        parts.append(part)
        body = member.unused_data
        if not body:
            return b"".join(parts)
        if coding != "gzip":
            raise _broken(coding)


def _broken(coding: str) -> Malformed:
    return Malformed(f"The body cannot be read: it is not what {coding} makes, or it is cut off.")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {limit} bytes this route takes.")


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """Read and check a JSON body; an empty one is an empty object.

    Raises `UnsupportedMedia`, `Malformed`, `TooLarge`, or `Invalid` naming every field that is wrong.
    """
    content_type = request.headers.get("Content-Type", "")
    check_utf_8(content_type, "JSON")
    raw = await read_limited(request)
    if len(raw) > LONG_BODY_BYTES:
        return await request.app[CREW].do(partial(parse_body, raw, content_type, model))
    return parse_body(raw, content_type, model)


def parse_body(raw: bytes, content_type: str, model: type[Model]) -> Model:
    """Check a JSON body that was read; `content_type` is the header. Raises as `read_body` does."""
    check_utf_8(content_type, "JSON")
    media_type = read_media_type(content_type).name or "application/octet-stream"
    hint = f" {model.hint}" if model.hint else ""
    if raw and not is_json(media_type):
        message = f"The body is {media_type[:100]}; send JSON with the header Content-Type: application/json."
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
        details = field_errors(model, error)
        wrong = f"These fields are wrong: {', '.join(details)}. See details."
        is_unknown = any(item["type"] == "extra_forbidden" for item in error.errors())
        raise Invalid(wrong + (hint if is_unknown else ""), details=details) from None
