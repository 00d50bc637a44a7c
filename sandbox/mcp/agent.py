"""The tools of one started task run: those of its environment's systems, and of the task itself."""

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import unquote

from aiohttp import web
from pydantic import Field

from sandbox import jsonio, limits
from sandbox.api.bodies import LONG_BODY_BYTES
from sandbox.api.context import CREW, REGISTRY
from sandbox.api.v1 import CompleteTaskRun, finish, representations
from sandbox.errors import NotFound, SandboxError, TooLarge
from sandbox.jsonio import Json
from sandbox.mcp import inside
from sandbox.mcp.schemas import read_arguments, schema_of
from sandbox.runs.models import BenchmarkRun, TaskRun
from sandbox.scoring.answers import ANSWER
from sandbox.simulators.base import Simulator
from sandbox.simulators.tools import Arguments, Call, Readable, Reply, Tool, answered, explain_json, shape
from sandbox.suggest import did_you_mean

INSTRUCTIONS: Final = "task_instructions"
COMPLETE: Final = "task_complete"
WAIT: Final = "clock_wait"
PROMPT: Final = "task"
_TASK_URI: Final = "task:///instructions"


class Nothing(Arguments):
    """No arguments."""


class Complete(Arguments):
    """Arguments of `task_complete`."""

    output: Annotated[Any, Field(description="The answer, in the form that task_instructions shows.")] = None
    notes: Annotated[str | None, Field(description="Remarks on what was done.", max_length=100_000)] = None


class Wait(Arguments):
    """Arguments of `clock_wait`."""

    seconds: Annotated[float | None, Field(gt=0, description="How long; without, until the next thing happens.")] = None


def _wait(arguments: Wait) -> Call:
    body: Json = {"to": "next"} if arguments.seconds is None else {"seconds": arguments.seconds}
    return Call.of_json("POST", "clock/advance", body)


_WAIT: Final = Tool(
    WAIT,
    "Let the time of these systems pass, for what takes a while: a payer's decision, a reply. Real time does not pass.",
    Wait,
    _wait,
    answered,
    shape(clock="string", advanced_seconds="number"),
)
_OWN: Final[Sequence[tuple[str, str, type[Arguments], dict[str, Json], bool]]] = (
    (INSTRUCTIONS, "Read what is to be done. Begin here.", Nothing, shape(name="string", task="object"), True),
    (
        COMPLETE,
        "Say that the work is done, and give the answer where one is wanted. The task ends with this call.",
        Complete,
        shape(status="string", verdict="string|null", score="number|null", checks="array"),
        False,
    ),
)


class AgentTools:
    """The tools of a started task run, for who sent a request; `root` is the path its systems are called below."""

    def __init__(self, request: web.Request, root: str, run: BenchmarkRun, task_run: TaskRun) -> None:
        self._request = request
        self._root = root
        self._run = run
        self._task_run = task_run
        registry = request.app[REGISTRY]
        self._simulators: list[Simulator] = [registry.on_surface(s.surface) for s in task_run.sandboxes]
        found = [tool for simulator in self._simulators for tool in simulator.tools]
        if task_run.task.may_advance_clock:
            found.append(_WAIT)
        self._tools = {tool.name: tool for tool in found}
        self._own: dict[str, Callable[[Mapping[str, Json]], Any]] = {
            INSTRUCTIONS: self._read_instructions,
            COMPLETE: self._complete,
        }

    @property
    def instructions(self) -> str:
        """Say where to begin and where to end."""
        return (
            f"The systems of a clinic, and one task in them. Read the task with {INSTRUCTIONS}, do it with the other "
            f"tools, and end with {COMPLETE}. Answers leave out what is long and say so; an error says what to do."
        )

    def tools(self) -> list[dict[str, Any]]:
        """Return the task's own tools, then those of its systems."""
        own = [_described(name, text, model, output, is_read, False) for name, text, model, output, is_read in _OWN]
        return own + [
            _described(t.name, t.description, t.arguments, t.output, t.is_read, t.is_destructive)
            for t in self._tools.values()
        ]

    async def call(self, name: str, arguments: Mapping[str, Json]) -> dict[str, Json]:
        """Call a tool."""
        own = self._own.get(name)
        if own is not None:
            shown: dict[str, Json] = await own(arguments)
            return shown
        tool = self._tools.get(name)
        if tool is None:
            known = [*self._own, *self._tools]
            raise NotFound(f"There is no tool {name[:100]}{did_you_mean(name, known)}.")
        given = read_arguments(tool.arguments, name, arguments)
        reply = await self._send(tool.call(given), tool.explain)
        if tool.is_slow or len(reply.body) > LONG_BODY_BYTES:
            return await self._request.app[CREW].do(partial(tool.show, given, reply))
        return tool.show(given, reply)

    async def _send(self, call: Call, explain: Callable[[Reply], str]) -> Reply:
        reply = await inside.send(self._request, self._root, call)
        if reply.status >= 400:
            raise Refused(f"{explain(reply)} (status {reply.status})")
        return reply

    async def _read_instructions(self, arguments: Mapping[str, Json]) -> dict[str, Json]:
        read_arguments(Nothing, INSTRUCTIONS, arguments)
        return self._told()

    def _told(self) -> dict[str, Json]:
        started = representations(self._request).started(self._run, self._task_run)
        item = dict(started["task_item"] or {})
        if isinstance(item.get(ANSWER), dict):
            form = item[ANSWER]["form"]
            item[ANSWER] = {"form": form, "instruction": f"Give it to {COMPLETE} as output, in the form shown."}
        return {"name": started["name"], "task": item, "ends_at": started["timeout_at"]}

    async def _complete(self, arguments: Mapping[str, Json]) -> dict[str, Json]:
        given = read_arguments(Complete, COMPLETE, arguments)
        body = CompleteTaskRun(output=given.output, notes=given.notes)
        result = await finish(self._request, self._run, self._task_run, body)
        kept = ("label", "passed", "score", "details")
        checks = [{name: check[name] for name in kept if name in check} for check in result["checks"]]
        return {**{name: result[name] for name in ("status", "verdict", "score")}, "checks": checks}

    def readable(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the task, and the templates of what the systems hold."""
        task = {"uri": _TASK_URI, "name": PROMPT, "description": "What is to be done.", "mimeType": "application/json"}
        templates = [
            {"uriTemplate": readable.template, "name": readable.name, "description": readable.description}
            for readable in self._readables()
        ]
        return [task], templates

    def _readables(self) -> list[Readable]:
        return [readable for simulator in self._simulators for readable in simulator.readables]

    async def read(self, uri: str) -> dict[str, Any]:
        """Read what is at an address; like any other read it is an event."""
        if uri == _TASK_URI:
            return {"uri": uri, "mimeType": "application/json", "text": jsonio.dump(self._told()).decode()}
        scheme, _, path = uri.partition(":///")
        readables = {readable.scheme: readable for readable in self._readables()}
        if scheme not in readables or not path:
            templates = ", ".join([_TASK_URI, *(readable.template for readable in readables.values())])
            raise NotFound(f"There is nothing at {uri[:200]}; there are {templates}.")
        reply = await self._send(Call("GET", readables[scheme].path(unquote(path))), explain_json)
        if len(reply.body) > limits.TOOL_ANSWER_CHARS:
            raise TooLarge(f"{uri[:200]} is too large for one answer; its tool reads it in parts.")
        about = {"uri": uri, "mimeType": reply.headers.get("content-type", "application/octet-stream")}
        try:
            return {**about, "text": reply.body.decode()}
        except UnicodeDecodeError:
            return {**about, "blob": base64.b64encode(reply.body).decode()}

    def prompts(self) -> list[dict[str, Any]]:
        """Return the one prompt: the task."""
        return [{"name": PROMPT, "description": "The task, to begin a conversation with."}]

    def prompt(self, name: str) -> str:
        """Return the task's prompt."""
        if name != PROMPT:
            raise NotFound(f"There is no prompt {name[:100]}; there is {PROMPT}.")
        told = self._told()
        task = jsonio.dump_pretty(told["task"]).decode()
        return f"{told['name']}\n\n{task}\n\nDo this with the tools there are, then call {COMPLETE}."


class Refused(SandboxError):
    """A system refused the call; the message is what it said."""


def _described(
    name: str, text: str, model: type[Arguments], output: Mapping[str, Json], is_read: bool, is_destructive: bool
) -> dict[str, Any]:
    described = {"name": name, "description": text, "inputSchema": schema_of(model), "outputSchema": output}
    if is_destructive:  # what a hint says where it is left out
        return described
    return {**described, "annotations": {"readOnlyHint": True} if is_read else {"destructiveHint": False}}
