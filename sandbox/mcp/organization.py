"""The organization's tools: a tool for each resource, whose `action` says what is done with it.

Parameters and answers are in camelCase, as the hosted service's tools have them; each action is a route of the internal
API. What a definition, a task or a check holds is its author's and keeps its own names.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from sandbox.api.bodies import LONG_BODY_BYTES
from sandbox.api.context import CREW
from sandbox.errors import Invalid, NotFound
from sandbox.jsonio import Json
from sandbox.mcp import inside
from sandbox.mcp.agent import Refused
from sandbox.simulators.tools import Call, explain_json
from sandbox.suggest import did_you_mean

_CONTENT: Final = frozenset(
    "task_item scenario entities assertion output evidence snapshot request response config axes figures baseline "
    "changes credentials".split()
)
_TYPES: Final[Mapping[str, Json]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100},
    "seed": {"type": "integer"},
    "mess": {"type": "integer", "minimum": 0, "maximum": 3},
    "scored": {"type": "boolean"},
    "superseded": {"type": "boolean"},
    "tasks": {"type": "array", "items": {"type": "string"}},
    "output": {},
}
_PAGE: Final = ("limit", "cursor")


@dataclass(frozen=True, slots=True)
class Action:
    """A route; `needs` are the parameters that must be given, `takes` those that may."""

    method: str
    path: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


def _list(path: str, *, needs: tuple[str, ...] = (), takes: tuple[str, ...] = ()) -> Action:
    return Action("GET", path, needs, (*takes, *_PAGE))


def _on(method: str, path: str, *takes: str) -> Action:
    return Action(method, path, ("id",), takes)


RESOURCES: Final[Mapping[str, tuple[str, Mapping[str, Action]]]] = {
    "benchmarks": (
        "The benchmarks there are; id is bench_… or slug@version.",
        {"list": _list("benchmarks"), "get": _on("GET", "benchmarks/{id}")},
    ),
    "tasks": (
        "The tasks of a benchmark; get shows the criteria, too.",
        {"list": _list("tasks", needs=("benchmarkId",)), "get": _on("GET", "tasks/{id}")},
    ),
    "benchmark_runs": (
        "Runs of benchmarks. create makes one and answers its bearerToken; benchmarkId may be slug@version. "
        "Poll get until status is completed.",
        {
            "list": _list("benchmark-runs", takes=("benchmarkId",)),
            "get": _on("GET", "benchmark-runs/{id}"),
            "create": Action("POST", "benchmark-runs", ("benchmarkId",), ("scored", "agent", "seed", "tasks", "mess")),
            "complete": _on("POST", "benchmark-runs/{id}/complete"),
            "cancel": _on("POST", "benchmark-runs/{id}/cancel"),
            "publish": _on("POST", "benchmark-runs/{id}/publish"),
            "unpublish": _on("POST", "benchmark-runs/{id}/unpublish"),
        },
    ),
    "task_runs": (
        "The task runs of a benchmark run.",
        {
            "list": _list("task-runs", needs=("benchmarkRunId",)),
            "get": _on("GET", "task-runs/{id}"),
            "complete": _on("POST", "task-runs/{id}/complete", "output", "notes"),
            "cancel": _on("POST", "task-runs/{id}/cancel"),
            "rescore": _on("POST", "task-runs/{id}/rescore", "criteria"),
            "listEvents": _on("GET", "task-runs/{id}/events", "order", *_PAGE),
        },
    ),
    "criterion_runs": (
        "What each criterion of a task run found, with its evidence.",
        {
            "list": _list("criterion-runs", needs=("taskRunId",), takes=("superseded",)),
            "get": _on("GET", "criterion-runs/{id}"),
        },
    ),
    "playgrounds": (
        "The worlds of task runs.",
        {
            "list": _list("playgrounds"),
            "get": _on("GET", "playgrounds/{id}"),
            "teardown": _on("POST", "playgrounds/{id}/teardown"),
        },
    ),
    "sandboxes": (
        "The simulated systems of playgrounds, with their credentials.",
        {
            "list": _list("sandboxes", takes=("playgroundId",)),
            "get": _on("GET", "sandboxes/{id}"),
            "listEvents": _on("GET", "sandboxes/{id}/events", "order", *_PAGE),
            "teardown": _on("POST", "sandboxes/{id}/teardown"),
        },
    ),
}


def snake(name: str) -> str:
    """Return a parameter's name as the API has it.

    >>> snake("benchmarkRunId"), snake("limit")
    ('benchmark_run_id', 'limit')
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def camel(value: Json) -> Json:
    """Return an answer with the API's own names in camelCase, and content as it is.

    >>> camel({"created_at": "…", "task_item": {"patient_id": 1}, "_meta": {}})
    {'createdAt': '…', 'taskItem': {'patient_id': 1}, '_meta': {}}
    """
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub(r"(?<=[a-z0-9])_([a-z0-9])", lambda m: m[1].upper(), name): item if name in _CONTENT else camel(item)
        for name, item in value.items()
    }


class OrganizationTools:
    """The tools of who sent a request, with an organization key."""

    instructions = (
        "The benchmarks of this server and their runs. Flow: benchmarks list, benchmark_runs create, an agent works on "
        "the task runs with the bearer token, benchmark_runs get until it is completed, then criterion_runs list."
    )

    def __init__(self, request: web.Request) -> None:
        self._request = request

    def tools(self) -> list[dict[str, Any]]:
        """Return a tool for each resource."""
        return [_described(name, text, actions) for name, (text, actions) in RESOURCES.items()]

    async def call(self, name: str, arguments: Mapping[str, Json]) -> dict[str, Json]:
        """Do what `action` says."""
        if name not in RESOURCES:
            raise NotFound(f"There is no tool {name[:100]}{did_you_mean(name, RESOURCES)}.")
        actions = RESOURCES[name][1]
        wanted = arguments.get("action")
        action = actions.get(wanted) if isinstance(wanted, str) else None
        if action is None:
            problem = f"must be one of {', '.join(actions)}"
            raise Invalid(f"{name}: action {problem}.", details={"action": [problem]})
        call = _call(action, {key: value for key, value in arguments.items() if key != "action" and value is not None})
        reply = await inside.send(self._request, "", call)
        if reply.status >= 400:
            raise Refused(f"{explain_json(reply)} (status {reply.status})")
        answer: dict[str, Json]
        if len(reply.body) > LONG_BODY_BYTES:
            answer = await self._request.app[CREW].do(lambda: camel(reply.json()))
        else:
            answer = camel(reply.json())
        return answer

    def readable(self) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
        """Return nothing."""
        return (), ()

    async def read(self, uri: str) -> dict[str, Any]:
        """Refuse: there is nothing."""
        raise NotFound(f"There is nothing at {uri[:200]}.")

    def prompts(self) -> Sequence[Mapping[str, Any]]:
        """Return nothing."""
        return ()

    def prompt(self, name: str) -> str:
        """Refuse: there is none."""
        raise NotFound(f"There is no prompt {name[:100]}.")


def _call(action: Action, given: Mapping[str, Json]) -> Call:
    known = (*action.needs, *action.takes)
    details = {name: ["Required for this action."] for name in action.needs if name not in given}
    details |= {name: [f"Not for this action{did_you_mean(name, known)}."] for name in given if name not in known}
    values = dict(given)
    path = action.path
    if "{id}" in path and not details:
        key = values.pop("id")
        if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z0-9_.@-]{1,200}", key):
            details["id"] = ["Must be an id."]
        path = path.replace("{id}", str(key))
    if details:
        told = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in details.items())
        raise Invalid(told, details=details)
    if action.method == "GET":
        return Call("GET", path, tuple((snake(name), _text(value)) for name, value in values.items()))
    return Call.of_json(action.method, path, {snake(name): value for name, value in values.items()})


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _described(name: str, text: str, actions: Mapping[str, Action]) -> dict[str, Any]:
    parameters: dict[str, set[str]] = {}
    for action, route in actions.items():
        for parameter in (*route.needs, *route.takes):
            parameters.setdefault(parameter, set()).add(action + ("*" if parameter in route.needs else ""))
    properties: dict[str, Json] = {"action": {"type": "string", "enum": list(actions)}}
    for parameter, users in parameters.items():
        said = f"For {', '.join(sorted(users))}." if parameter not in _PAGE else "Of a list."
        properties[parameter] = {**_TYPES.get(parameter, {"type": "string"}), "description": said}
    return {
        "name": name,
        "description": f"{text} (* required)",
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": ["action"],
            "additionalProperties": False,
        },
        "outputSchema": {"type": "object"},
    }
