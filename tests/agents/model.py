"""A model that follows a script: it speaks the chat completions protocol, so that agents of any make can ask it.

It knows two tasks of the smallest benchmark as a person would do them, and says each step in the tool that it is
offered. It keeps nothing between two requests: what has been done is what the conversation shows.
"""

import json
import re
import shlex
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

Resource = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What is asked of the EHR: `GET` of a type with parameters or of a reference, `PUT` of a resource."""

    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    resource: Resource | None = None


Script = Generator[Step, Any, Any]


def new_number(text: str) -> Script:
    """Find the patient, after a slip that the server has to explain, and change the number."""
    born, number = found(r"born (\d{4}-\d\d-\d\d)", text), found(r"now (\d{3}-\d{3}-\d{4})", text)
    refusal = yield Step("GET", "Patient", {"nme": "Chen"})
    assert "Did you mean name?" in refusal, refusal
    patients = yield Step("GET", "Patient", {"family": "Chen", "given": "Maria", "birthdate": born})
    (patient,) = [p for p in patients if p.get("active") is not False]
    patient = yield Step("GET", f"Patient/{patient['id']}")
    for contact in patient["telecom"]:
        if contact["system"] == "phone" and contact["use"] == "mobile":
            contact["value"] = number
    yield Step("PUT", f"Patient/{patient['id']}", resource=patient)
    return "The number is changed."


def next_appointment(text: str) -> Script:
    """Look the next appointment and its clinician up."""
    today = found(r"(\d{4}-\d\d-\d\d)", text)
    patients = yield Step("GET", "Patient", {"family": "Okafor", "given": "Robert"})
    (patient,) = [p for p in patients if p.get("active") is not False]
    params = {"patient": f"Patient/{patient['id']}", "status": "booked", "date": f"ge{today}", "_sort": "date"}
    appointment, *_ = yield Step("GET", "Appointment", params)
    actors = [participant["actor"]["reference"] for participant in appointment["participant"]]
    clinician = yield Step("GET", next(a for a in actors if a.startswith("Practitioner/")))
    return {"date": appointment["start"][:10], "clinician": clinician["name"][0]["family"]}


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, (pattern, text)
    return match[1]


def script_of(text: str) -> Script:
    return new_number(text) if "mobile number" in text else next_appointment(text)


class Dialect:
    """How a step is said in a tool, and how what came back is read: resources, a resource, or what was refused."""

    def say(self, step: Step, text: str) -> tuple[str, Resource]:
        raise NotImplementedError

    def read(self, said: str) -> Any:
        value = json.loads(said[said.index("{") :])
        if value["resourceType"] == "OperationOutcome":
            return value["issue"][0]["diagnostics"]
        return [e["resource"] for e in value.get("entry", ())] if value["resourceType"] == "Bundle" else value


def target(step: Step, root: str) -> str:
    return f"{root}/{step.path}" + (f"?{urlencode(step.params)}" if step.params else "")


class Http(Dialect):
    def say(self, step: Step, text: str) -> tuple[str, Resource]:
        asked = {"method": step.method, "url": target(step, found(r'"(http://[^"]+/fhir)"', text))}
        if step.resource is not None:
            asked |= {"body": json.dumps(step.resource), "content_type": "application/fhir+json"}
        return "http", asked


class Shell(Dialect):
    def say(self, step: Step, text: str) -> tuple[str, Resource]:
        assert "FHIR_URL" in text
        command = f'curl -s "{target(step, "$FHIR_URL")}"'
        if step.resource is not None:
            body = shlex.quote(json.dumps(step.resource))
            command += f" -X {step.method} -H 'Content-Type: application/fhir+json' -d {body}"
        return "shell", {"command": command}


class Browser(Dialect):
    def say(self, step: Step, text: str) -> tuple[str, Resource]:
        assert step.method == "GET"
        return "open", {"url": target(step, found(r'"(http://[^"]+/fhir)"', text))}


class Tools(Dialect):
    """The tools of the task itself, over the Model Context Protocol."""

    def say(self, step: Step, text: str) -> tuple[str, Resource]:
        if step.resource is not None:
            return "fhir_update", {"resource": step.resource}
        if "/" in step.path:
            return "fhir_read", {"reference": step.path}
        return "fhir_search", {"type": step.path, "params": step.params}

    def read(self, said: str) -> Any:
        value = json.loads(said)
        return next((value[name] for name in ("matches", "resource", "error") if name in value), value)


DIALECTS = {"http": Http(), "shell": Shell(), "open": Browser(), "fhir_search": Tools()}


def reply(messages: list[Any], tools: list[Any]) -> Resource:
    """Return the next message: a call of a tool, or the answer at the end."""
    offered = {tool["function"]["name"] for tool in tools}
    dialect = next(dialect for name, dialect in DIALECTS.items() if name in offered)
    task = "\n".join(m["content"] for m in messages if m["role"] == "user")
    said = [m["content"] for m in messages if m["role"] == "tool"]
    if isinstance(dialect, Tools):
        if not said:
            return calling("task_instructions", {})
        task, *said = said
    script = script_of(task)
    try:
        step = next(script)
        for answer in said:
            step = script.send(dialect.read(answer))
    except StopIteration as ended:
        if not isinstance(dialect, Tools):
            return {"role": "assistant", "content": json.dumps(ended.value)}
        if len(said) and '"verdict"' in said[-1]:
            return {"role": "assistant", "content": "Done."}
        return calling("task_complete", {"output": ended.value})
    return calling(*dialect.say(step, task))


def calling(name: str, arguments: Resource) -> Resource:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}],
    }


async def chat(request: web.Request) -> web.Response:
    """POST /v1/chat/completions."""
    asked = await request.json()
    assert request.headers["Authorization"] == "Bearer sk-scripted", "the model's key goes to the model"
    message = reply(asked["messages"], asked["tools"])
    for call in message.get("tool_calls", ()):
        call["id"] = f"call_{len(asked['messages'])}"
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if "tool_calls" in message else "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return web.json_response(
        {
            "id": "chat_1",
            "object": "chat.completion",
            "created": 1_777_000_000,
            "model": asked["model"],
            "choices": [choice],
            "usage": usage,
        }
    )


def app() -> web.Application:
    made = web.Application()
    made.router.add_post("/v1/chat/completions", chat)
    return made
