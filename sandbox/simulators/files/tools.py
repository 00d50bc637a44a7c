"""The file drop for a model that calls tools: list, read, write, move, delete."""

from typing import Annotated, Final

from pydantic import Field, model_validator

from sandbox.errors import Invalid, Unprocessable
from sandbox.jsonio import Json
from sandbox.simulators.files.content import read_text
from sandbox.simulators.tools import (
    CONTENT,
    Arguments,
    Call,
    ContentArguments,
    Readable,
    Reply,
    Tool,
    pairs,
    shape,
    show_content,
)
from sandbox.wire.base64_text import read_base64

Path = Annotated[str, Field(description="As inbox/referrals/fax.pdf.", min_length=1)]


class List(Arguments):
    """Arguments of `files_list`."""

    path: Annotated[str, Field(description="A directory; empty for the root.")] = "inbox"
    recursive: Annotated[bool, Field(description="All below; the inbox always is so.")] = False
    offset: Annotated[int, Field(ge=0, description="next_offset of the answer before.")] = 0


class Read(ContentArguments):
    """Arguments of `files_read`."""

    path: Path
    as_text: Annotated[bool, Field(description="A PDF's text instead of its bytes.")] = False


class Write(Arguments):
    """Arguments of `files_write`."""

    path: Path
    text: Annotated[str | None, Field(description="The content, or:")] = None
    base64: str | None = None
    content_type: Annotated[str | None, Field(description="Where the name does not tell it.")] = None

    @model_validator(mode="after")
    def _one_content(self) -> "Write":
        if (self.text is None) == (self.base64 is None):
            raise ValueError("give the content either as text or as base64")
        return self


class Move(Arguments):
    """Arguments of `files_move`."""

    path: Path
    to: Annotated[str, Field(description="The new path.", min_length=1)]


class Delete(Arguments):
    """Arguments of `files_delete`."""

    path: Path


_LISTED: Final = 200
_TOLD: Final = ("path", "type", "size", "content_type", "modified_at")


def _list(arguments: List) -> Call:
    path = arguments.path.strip("/")
    if path == "inbox":
        return Call("GET", "files/inbox")
    query = (("recursive", "true"),) if arguments.recursive else ()
    return Call("GET", f"files/{path}/" if path else "files/", query)


def _show_list(arguments: List, reply: Reply) -> dict[str, Json]:
    rows = reply.json()
    end = arguments.offset + _LISTED
    shown = [{name: row[name] for name in _TOLD if name in row} for row in rows[arguments.offset : end]]
    return {"files": shown, "total": len(rows), "next_offset": end if end < len(rows) else None}


def _read(arguments: Read) -> Call:
    return Call("GET", f"files/{arguments.path}")


def _show_read(arguments: Read, reply: Reply) -> dict[str, Json]:
    if not arguments.as_text:
        return show_content(arguments, reply)
    found = read_text(reply.body, reply.headers.get("content-type", ""))
    if found.problem is not None:
        raise Unprocessable(f"{arguments.path} has no text to show: {found.problem}. Leave as_text out for its bytes.")
    return show_content(arguments, reply, str(found.value))


def _write(arguments: Write) -> Call:
    content = arguments.text.encode() if arguments.text is not None else read_base64(arguments.base64 or "")
    if content is None:
        raise Invalid("base64 is not Base64 (RFC 4648 §4).")
    headers = {} if arguments.content_type is None else {"content-type": arguments.content_type}
    return Call("PUT", f"files/{arguments.path}", headers=headers, body=content)


def _move(arguments: Move) -> Call:
    return Call("POST", f"files/{arguments.path}", pairs(move_to=arguments.to))


def _show_written(_: Write | Move, reply: Reply) -> dict[str, Json]:
    value = reply.json()
    rows = value if isinstance(value, list) else [value]
    return {"files": [{name: row[name] for name in _TOLD if name in row} for row in rows[:_LISTED]], "total": len(rows)}


def _delete(arguments: Delete) -> Call:
    return Call("DELETE", f"files/{arguments.path}")


def _show_deleted(arguments: Delete, _: Reply) -> dict[str, Json]:
    return {"deleted": arguments.path}


_FILES: Final = shape(files="array", total="integer")
TOOLS: Final[tuple[Tool, ...]] = (
    Tool(
        "files_list",
        "List files of the shared drive.",
        List,
        _list,
        _show_list,
        shape(files="array", total="integer", next_offset="integer|null"),
        is_read=True,
    ),
    Tool(
        "files_read",
        "Read a file: text as it is, anything else as Base64; a PDF with as_text as text.",
        Read,
        _read,
        _show_read,
        CONTENT,
        is_read=True,
        is_slow=True,
    ),
    Tool("files_write", "Write a whole file.", Write, _write, _show_written, _FILES, is_destructive=True),
    Tool("files_move", "Move or rename a file or a directory.", Move, _move, _show_written, _FILES),
    Tool(
        "files_delete", "Delete a file.", Delete, _delete, _show_deleted, shape(deleted="string"), is_destructive=True
    ),
)
READABLE: Final[tuple[Readable, ...]] = (
    Readable("files", "files:///{+path}", "file", "A file of the shared drive.", lambda path: f"files/{path}"),
)
