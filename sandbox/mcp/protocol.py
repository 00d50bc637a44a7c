"""The protocol itself: a set of tools behind the SDK's server, and one HTTP request through it.

The server is stateless: each request has a server and a transport of its own, so nothing is kept between two of them
and nobody waits on a session. The SDK speaks ASGI; `answer` is what it takes to speak that with aiohttp.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiohttp import web

from sandbox import __version__, jsonio, limits
from sandbox.api.bodies import LONG_BODY_BYTES, read_limited
from sandbox.api.context import CREW
from sandbox.api.wire import WholeResponse
from sandbox.errors import Invalid, NotFound, SandboxError, TooLarge
from sandbox.jsonio import Json

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

NAME = "sandbox"
_SDK: Final = "mcp.server.streamable_http_manager"


class ToolSet(Protocol):
    """What a door offers. Everything it gives is written as the protocol writes it, less what is the SDK's to add."""

    @property
    def instructions(self) -> str:
        """What a model is told of the tools as a whole."""
        ...

    def tools(self) -> Sequence[Mapping[str, Any]]:
        """Return the tools: `{name, description, inputSchema, outputSchema, annotations}`."""
        ...

    async def call(self, name: str, arguments: Mapping[str, Json]) -> dict[str, Json]:
        """Call a tool. Raises `NotFound` for an unknown one, else whatever makes it no success."""
        ...

    def readable(self) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
        """Return the resources `{uri, name, description, mimeType}` and the templates `{uriTemplate, …}`."""
        ...

    async def read(self, uri: str) -> dict[str, Any]:
        """Return `{uri, mimeType, text}` or `{uri, mimeType, blob}`. Raises what makes it no success."""
        ...

    def prompts(self) -> Sequence[Mapping[str, Any]]:
        """Return the prompts: `{name, description}`."""
        ...

    def prompt(self, name: str) -> str:
        """Return a prompt's text. Raises `NotFound`."""
        ...


def server_of(tools: ToolSet, exact: Mapping[str, Json]) -> "Server[Any]":
    """Return the SDK's server of a set of tools; `exact` are the arguments of the call to come, as they were sent."""
    import mcp_types as types
    from mcp.server.lowlevel import Server
    from mcp.shared.exceptions import MCPError

    listed = tools.tools()
    schemas = {tool["name"]: tool["inputSchema"] for tool in listed}

    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult.model_validate({"tools": listed})

    async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            value = await tools.call(params.name, exact)
            text = jsonio.dump(value)
            if len(text) > limits.TOOL_ANSWER_CHARS * 2:
                raise Invalid(
                    "The answer is too large for a tool; ask for less: fewer rows, or fewer elements of each."
                )
        except SandboxError as error:
            return types.CallToolResult(content=[types.TextContent(text=said(error))], is_error=True)
        return types.CallToolResult(content=[types.TextContent(text=text.decode())], structured_content=value)

    async def list_resources(ctx: Any, params: Any) -> types.ListResourcesResult:
        return types.ListResourcesResult.model_validate({"resources": tools.readable()[0]})

    async def list_templates(ctx: Any, params: Any) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult.model_validate({"resourceTemplates": tools.readable()[1]})

    async def read_resource(ctx: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        try:
            return types.ReadResourceResult.model_validate({"contents": [await tools.read(str(params.uri))]})
        except SandboxError as error:
            raise MCPError(types.INVALID_PARAMS, said(error)) from None

    async def list_prompts(ctx: Any, params: Any) -> types.ListPromptsResult:
        return types.ListPromptsResult.model_validate({"prompts": tools.prompts()})

    async def get_prompt(ctx: Any, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        try:
            text = tools.prompt(params.name)
        except NotFound as error:
            raise MCPError(types.INVALID_PARAMS, said(error)) from None
        message = types.PromptMessage(role="user", content=types.TextContent(text=text))
        return types.GetPromptResult(messages=[message])

    return Server(
        NAME,
        version=__version__,
        instructions=tools.instructions,
        get_tool_input_schema=schemas.get,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )


def said(error: SandboxError) -> str:
    """Return an error as a model reads it.

    >>> said(Invalid("Wrong.", details={"npi": ["Not a number."]}))
    'Wrong. npi: Not a number.'
    """
    details = [f"{name}: {' '.join(messages)}" for name, messages in (error.details or {}).items()]
    return " ".join([error.message, *(line for line in details if line not in error.message)])


async def answer(request: web.Request, tools: ToolSet) -> web.Response:
    """Answer one POST of the streamable HTTP transport. Raises `TooLarge`, and what reading a body raises."""
    if _SDK not in sys.modules:
        await asyncio.to_thread(import_module, _SDK)  # which takes a second, or some
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    logging.getLogger("mcp").setLevel(logging.WARNING)  # it tells of every request
    body = await read_limited(request, limits.TOOL_CALL_BYTES)
    exact = _arguments(body) if len(body) <= LONG_BODY_BYTES else {}
    if len(body) > LONG_BODY_BYTES:
        body, exact = await request.app[CREW].do(partial(_taken_apart, body))
    manager = StreamableHTTPSessionManager(
        server_of(tools, exact), json_response=True, stateless=True, session_idle_timeout=None
    )
    exchange = _Exchange(request, body)
    async with manager.run():
        await manager.handle_request(exchange.scope, exchange.receive, exchange.send)
    return exchange.response()


def _arguments(body: bytes) -> Mapping[str, Json]:
    """Return the arguments of the call that a body makes, if it makes one; the SDK says what is wrong with others."""
    try:
        arguments = jsonio.parse(body)["params"]["arguments"]
    except (SandboxError, KeyError, TypeError, IndexError):
        return {}
    return arguments if isinstance(arguments, dict) else {}


def _taken_apart(body: bytes) -> tuple[bytes, Mapping[str, Json]]:
    """Return a long message without the arguments of its call, and these.

    The SDK reads a message on the loop, and needs nothing of them. Raises what parsing raises, and `TooLarge` where
    something else is long.
    """
    message = jsonio.parse(body)
    exact: Mapping[str, Json] = {}
    params = message.get("params") if isinstance(message, dict) else None
    if isinstance(params, dict) and isinstance(params.get("arguments"), dict):
        exact = params["arguments"]
        message = {**message, "params": {**params, "arguments": {}}}
    rest = jsonio.dump(message)
    if len(rest) > LONG_BODY_BYTES:
        raise TooLarge(f"A message may have {LONG_BODY_BYTES:,} bytes, the arguments of a call not counted.")
    return rest, exact


class _Exchange:
    """One request as ASGI has it (HTTP connection scope, 2.4), and the answer that comes of it."""

    def __init__(self, request: web.Request, body: bytes) -> None:
        self._body: bytes | None = body
        self._status = 500
        self._headers: list[tuple[str, str]] = []
        self._parts: list[bytes] = []
        self.scope: MutableMapping[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.scheme,
            "path": request.path,
            "raw_path": request.rel_url.raw_path.encode(),
            "query_string": request.rel_url.raw_query_string.encode(),
            "root_path": "",
            "headers": [(n.lower(), v) for n, v in request.raw_headers if n.lower() != b"content-encoding"],
            "client": None,
            "server": None,
        }

    async def receive(self) -> MutableMapping[str, Any]:
        """Give the body, then nothing until the exchange is over."""
        body, self._body = self._body, None
        if body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
        else:
            self._parts.append(message.get("body", b""))

    def response(self) -> web.Response:
        """Return the whole answer."""
        headers = {name: value for name, value in self._headers if name.lower() != "content-length"}
        return WholeResponse(status=self._status, body=b"".join(self._parts), headers=headers)
