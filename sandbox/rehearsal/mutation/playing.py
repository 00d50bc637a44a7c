"""An agent that plays a script: it sends what was sent, with the ids that this time's answers gave.

What a server minted while the script was recorded stands for what it mints in the same place now, wherever the script
uses it again: in paths, queries, bodies, messages and the output. The same holds for versions in `If-Match`. What went
by MLLP goes by MLLP, and a listener that was named is one of this run (`wires.py`).
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from multidict import CIMultiDict, CIMultiDictProxy

from sandbox import jsonio
from sandbox.client.session import TaskResponse, TaskSession
from sandbox.errors import SandboxError
from sandbox.jsonio import Json
from sandbox.rehearsal.mutation.script import LLM_TASKS, MLLP, Script, Step
from sandbox.rehearsal.mutation.wires import Wires
from sandbox.scoring.states.tokens import tokens_of
from sandbox.simulators.leaves import Sent, is_bytes

_API: Final = "/api/v1"
_LISTENER: Final = "hl7/listener"
_SENT_HEADERS: Final = frozenset(
    "accept content-type if-match if-none-match if-none-exist prefer if-modified-since range".split()
)


class ScriptAgent:
    """Plays one script of one task. `refused` are the places of calls that were answered with an error, and were not
    when they were recorded."""

    counts_calls = True

    def __init__(self, name: str, script: Script, minted: tuple[str, ...]) -> None:
        self.name = name
        self._script = script
        self._ids = Renaming(minted)
        self.refused: list[int] = []

    async def solve(self, task: TaskSession) -> Json:
        """Make the calls and return the output."""
        for recorded, now in zip(self._script.own_ids, (task.benchmark_run_id, task.task_run_id), strict=False):
            self._ids.learn_text(recorded, now)
        answers = [_control_id(step) for step in self._script.steps if step.is_answer]
        async with Wires(task, answers) as wires:
            for place, step in enumerate(self._script.steps):
                answer = await self._send(task, step, wires)
                if step.status < 400 <= answer.status:
                    self.refused.append(place)
                self._ids.learn(step.answered, _body_of(answer))
                self._ids.learn_headers(step, answer.headers)
        return self._ids.applied(self._script.output)

    async def _send(self, task: TaskSession, step: Step, wires: Wires) -> TaskResponse:
        sent = step.sent
        if step.via == MLLP:
            body = encode(self._ids.applied(sent.body), sent)
            if step.is_answer:
                await wires.answer(_control_id(step), body)
                return _answered(b"")
            return _answered(await wires.send(body or b""))
        if sent.path == _LISTENER and isinstance(sent.body, dict) and "port" in sent.body:
            host, port = await wires.listen()
            sent = replace(sent, body={**sent.body, "host": host, "port": port})
        if sent.path.startswith(f"{LLM_TASKS}/"):
            return await _run_llm_task(task, self._ids.applied(sent.body))
        path = self._ids.text(sent.path) + (f"?{self._ids.text(sent.query)}" if sent.query else "")
        headers = {name: value for name, value in sent.headers.items() if name in _SENT_HEADERS}
        if "if-match" in headers:
            headers["if-match"] = self._ids.version(sent.path, headers["if-match"])
        body = encode(self._ids.applied(sent.body), sent)
        return await task.request(sent.method, path, data=body, headers=headers)


class Renaming:
    """Which id of a recorded run stands for which of this one."""

    def __init__(self, minted: tuple[str, ...]) -> None:
        self._minted = minted
        self._ids: dict[str, str] = {}
        self._versions: dict[tuple[str, str], str] = {}

    def learn(self, recorded: Json, now: Json) -> None:
        """Pair the ids of two answers that stand in the same places; what was paired first stays so."""
        if isinstance(recorded, str) and isinstance(now, str):
            self.learn_text(recorded, now)
        elif isinstance(recorded, dict) and isinstance(now, dict):
            for key in recorded.keys() & now.keys():
                self.learn(recorded[key], now[key])
        elif isinstance(recorded, list) and isinstance(now, list):
            for one, other in zip(recorded, now, strict=False):
                self.learn(one, other)

    def learn_text(self, recorded: str, now: str) -> None:
        """Pair the ids of two texts, if they have as many."""
        if recorded == now:
            return
        ours, theirs = ([t.text for t in tokens_of(text, self._minted) if t.kind == "id"] for text in (recorded, now))
        if len(ours) == len(theirs):
            for one, other in zip(ours, theirs, strict=True):
                self._ids.setdefault(one, other)

    def learn_headers(self, step: Step, headers: Mapping[str, str]) -> None:
        """Pair what the answers' headers say: where something is, and of which version it is now."""
        self.learn_text(step.headers.get("location", ""), headers.get("location", ""))
        recorded, now = step.headers.get("etag"), headers.get("etag")
        if recorded and now:
            self._versions[step.sent.path, recorded] = now

    def version(self, path: str, recorded: str) -> str:
        """Return the version that a condition on a path means now."""
        return self._versions.get((path, recorded), recorded)

    def text(self, text: str) -> str:
        """Return a text with the ids of this run."""
        if not self._ids:
            return text
        return re.sub("|".join(map(re.escape, self._ids)), lambda found: self._ids[found[0]], text)

    def applied(self, value: Json) -> Json:
        """Return a value with the ids of this run, in keys as well."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.applied(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.applied(item) for key, item in value.items()}
        return value


def encode(body: Json, sent: Sent) -> bytes | None:
    """Return a recorded body as it is sent."""
    if body is None:
        return None
    if isinstance(body, dict) and is_bytes(body):
        return base64.b64decode(body["base64"])
    if isinstance(body, str) and "json" not in sent.headers.get("content-type", ""):
        return body.encode()
    return jsonio.dump(body)


def _control_id(step: Step) -> str:
    return step.sent.path.rpartition("/")[2]


def _answered(body: bytes) -> TaskResponse:
    """Return what came over another wire as a call's answer."""
    return TaskResponse(200, CIMultiDictProxy(CIMultiDict()), body)


def _body_of(answer: TaskResponse) -> Json:
    try:
        return jsonio.parse(answer.body)
    except SandboxError:
        return answer.text


async def _run_llm_task(task: TaskSession, body: Any) -> TaskResponse:
    """Run an LLM task by its name, for this task run."""
    client = (await task.request("GET", f"{_API}/whoami")).raise_for_status().json()["client"]
    project = f"{_API}/org/{client['org_id']}/project/{client['project_id']}"
    listed = (await task.request("GET", f"{project}/task", params={"name": body["task"]})).raise_for_status().json()
    sent = {"task_input": body.get("task_input") or {}, "context_id": task.task_run_id}
    return await task.request("POST", f"{project}/task/{listed['results'][0]['id']}/run", json=sent)
