"""An agent's session that makes tool calls of its requests: what a scripted agent asks over HTTP, it asks by tools."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from multidict import CIMultiDict, CIMultiDictProxy

from sandbox.client.session import TaskResponse

_WRITES = {"POST": "create", "PUT": "update"}


@dataclass
class ToolTask:
    """Stands for `TaskSession` before a reference agent; `client` is the SDK's, connected to the task's door."""

    client: Any
    task_item: dict[str, Any]
    used: list[str] = field(default_factory=list)

    async def request(
        self, method: str, path: str, *, json: Any = None, params: Any = None, headers: Any = None
    ) -> Any:
        surface, _, below = path.partition("/") if not path.startswith("http") else (None, "", path)
        if surface is None:  # the next page of a search
            parts = urlsplit(path)
            kind = parts.path.rpartition("/")[2]
            return await self._search(kind, {"page": parts.query})
        return await getattr(self, f"_{surface}")(method, below, json, dict(params or {}), headers or {})

    async def tool(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool; a refusal is an `APIError`, as it is over HTTP."""
        self.used.append(name)
        result = await self.client.call_tool(name, arguments)
        text = result.content[0].text
        if result.is_error:
            status = re.search(r"\(status (\d+)\)$", text)
            raise Refused(int(status[1]) if status else 400, text)
        return json.loads(text)

    async def _fhir(self, method: str, path: str, body: Any, params: Any, headers: Any) -> Any:
        if method == "GET" and "/" in path:
            return answer((await self.tool("fhir_read", {"reference": path}))["resource"])
        if method == "GET":
            count = int(params.pop("_count"))
            return await self._search(path, {"params": params, "count": count})
        arguments = {"resource": body}
        if "If-Match" in headers:
            arguments["if_version"] = headers["If-Match"][3:-1]
        written = await self.tool(f"fhir_{_WRITES[method]}", arguments)
        return answer({**body, "id": written["reference"].partition("/")[2]})

    async def _search(self, kind: str, arguments: dict[str, Any]) -> Any:
        found = await self.tool("fhir_search", {"type": kind, "full": True, **arguments})
        entries = [{"resource": r, "search": {"mode": "match"}} for r in found["matches"]]
        links = [{"relation": "next", "url": f"http://x/{kind}?{found['next_page']}"}] if found["next_page"] else []
        return answer({"entry": entries, "link": links})

    async def _files(self, method: str, path: str, body: Any, params: Any, headers: Any) -> Any:
        if path == "inbox":
            return answer((await self.tool("files_list", {}))["files"])
        found = await self.tool("files_read", {"path": path, "length": 100_000})
        assert found["next_offset"] is None
        content = found["content"]
        return answer(content.encode() if found["encoding"] == "text" else base64.b64decode(content))

    async def _hl7(self, method: str, path: str, body: Any, params: Any, headers: Any) -> Any:
        return answer(await self.tool("hl7_send", {"message": body["payload"]}))

    async def _portal(self, method: str, path: str, body: Any, params: Any, headers: Any) -> Any:
        resource, _, key = path.partition("/")
        if resource != "prior-auths":
            name, arguments = f"portal_{resource}", params
        elif method == "GET":
            name, arguments = ("portal_read_prior_auth", {"id": key}) if key else ("portal_list_prior_auths", params)
        elif method == "POST":
            name, arguments = "portal_create_prior_auth", body
        else:
            name, arguments = "portal_update_prior_auth", {"id": key, **body}
        try:
            return answer(await self.tool(name, arguments))
        except Refused as refused:
            return answer(refused.as_error(), refused.status)


class Refused(Exception):
    """A tool's refusal: the message, then each field that is wrong."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text

    def as_error(self) -> Any:
        fields = dict.fromkeys(re.findall(r"([\w.]+): ", self.text))
        return {"error": {"code": "INVALID", "message": self.text, "details": {name: ["…"] for name in fields}}}


def answer(value: Any, status: int = 200) -> TaskResponse:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return TaskResponse(status, CIMultiDictProxy(CIMultiDict()), body)
