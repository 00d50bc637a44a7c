"""Tools: what a simulated system offers to a model that calls functions instead of speaking HTTP.

A tool is another way to say a request to one of the simulator's routes. It turns arguments into that request and the
answer into something a model can read; it holds no rule and reads no state, so whatever a call does and is recorded as,
it does as the same request does over HTTP. Which parts of an answer are shown is the tool's business alone.

A simulator's tools are in the `tools.py` beside its `routes.py`.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from sandbox import jsonio, limits
from sandbox.errors import SandboxError
from sandbox.jsonio import Json

JSON_HEADERS: Final[Mapping[str, str]] = {"content-type": "application/json"}


class Arguments(BaseModel):
    """The arguments of a tool; unknown ones are errors."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a route: `path` is relative to the surface root, decoded."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of_json(cls, method: str, path: str, value: Json) -> "Call":
        """Make a call with a JSON body."""
        return cls(method, path, headers=JSON_HEADERS, body=jsonio.dump(value))


@dataclass(frozen=True, slots=True)
class Reply:
    """What a route answered; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Parse the body. Raises `Malformed`."""
        return jsonio.parse(self.body)


def explain_json(reply: Reply) -> str:
    """Return what an error answer says, with the fields it names.

    >>> explain_json(Reply(400, {}, b'{"error": {"message": "Wrong.", "details": {"npi": ["Not a number."]}}}'))
    'Wrong. npi: Not a number.'
    """
    try:
        error = reply.json()["error"]
        message = str(error["message"])
        details = error.get("details") or {}
    except (SandboxError, KeyError, TypeError):
        return f"The server answered {reply.status}: {reply.body[:500].decode(errors='replace')}"
    told = [f"{name}: {' '.join(map(str, said))}" for name, said in details.items()]
    return " ".join([message, *(line for line in told if line not in message)])


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `output` is the JSON Schema of what `show` makes of an answer that is no error.

    `call` raises `Invalid` for arguments that make no request. `is_read` says that it changes nothing, `is_destructive`
    that it takes away what was there; `is_slow` that `show` takes longer than others may wait.
    """

    name: str
    description: str
    arguments: type[Arguments]
    call: Callable[[Any], Call]
    show: Callable[[Any, Reply], dict[str, Json]]
    output: Mapping[str, Json]
    is_read: bool = False
    is_destructive: bool = False
    is_slow: bool = False
    explain: Callable[[Reply], str] = explain_json


@dataclass(frozen=True, slots=True)
class Readable:
    """Something to read by its address: `{scheme}:///{path}` is the route `path` below the surface root."""

    scheme: str
    template: str
    name: str
    description: str
    path: Callable[[str], str]


def shape(**members: str) -> dict[str, Json]:
    """Return the JSON Schema of an object that may have these members; a type may be `a|b`.

    >>> shape(id="string", page="string|null")
    {'type': 'object', 'properties': {'id': {'type': 'string'}, 'page': {'type': ['string', 'null']}}}
    """
    return {"type": "object", "properties": {name: _type(kind) for name, kind in members.items()}}


def _type(kind: str) -> dict[str, Json]:
    names = kind.split("|")
    return {"type": names[0] if len(names) == 1 else names}


def pairs(**values: str | int | None) -> tuple[tuple[str, str], ...]:
    """Return query parameters, without those that are not given.

    >>> pairs(limit=5, cursor=None)
    (('limit', '5'),)
    """
    return tuple((name, str(value)) for name, value in values.items() if value is not None)


def answered(_: Any, reply: Reply) -> dict[str, Json]:
    """Show a JSON object as it is."""
    value: dict[str, Json] = reply.json()
    return value


def fitting(items: Sequence[Json], name_of: Callable[[Json], Json]) -> tuple[list[Json], int]:
    """Return items as far as they fit into an answer, then only their names; and how many are so.

    >>> fitting([{"id": "a"}], lambda item: item["id"])
    ([{'id': 'a'}], 0)
    """
    shown: list[Json] = []
    size = left_out = 0
    for item in items:
        size += len(jsonio.dump(item))
        if size > limits.TOOL_ANSWER_CHARS:
            left_out += 1
            shown.append(name_of(item))
        else:
            shown.append(item)
    return shown, left_out


class ContentArguments(Arguments):
    """Which part of a content is wanted."""

    offset: Annotated[int, Field(ge=0, description="Where to begin; next_offset of the answer before.")] = 0
    length: Annotated[int, Field(ge=1, le=limits.TOOL_CONTENT_LENGTH, description="How much at most.")] = 50_000


CONTENT: Final = shape(
    content_type="string", size="integer", encoding="string", content="string", next_offset="integer|null"
)


def show_content(arguments: ContentArguments, reply: Reply, text: str | None = None) -> dict[str, Json]:
    """Show a part of a content: text where it is UTF-8 (offsets in characters), else Base64 (offsets in bytes).

    `text` is what stands for the content, where that is wanted.
    """
    if text is None:
        try:
            text = reply.body.decode() if b"\0" not in reply.body else None
        except UnicodeDecodeError:
            text = None
    whole: str | bytes = reply.body if text is None else text
    part = whole[arguments.offset : arguments.offset + arguments.length]
    end = arguments.offset + len(part)
    return {
        "content_type": reply.headers.get("content-type", ""),
        "size": len(reply.body),
        "encoding": "text" if isinstance(part, str) else "base64",
        "content": part if isinstance(part, str) else base64.b64encode(part).decode(),
        "next_offset": end if end < len(whole) else None,
    }
