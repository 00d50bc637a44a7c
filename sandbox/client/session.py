"""A started task: what it is about, and calls to its surfaces.

This is what a benchmark's reference agent is given. Calls go to the surfaces as any agent's would,
with the run token; none is repeated by itself and no status raises, because what a surface answers
is for the agent to judge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import urlencode

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from sandbox import jsonio
from sandbox.client.errors import InvalidAnswerError, error_of
from sandbox.client.models import JsonObject
from sandbox.client.transport import Transport
from sandbox.errors import SandboxError

Scalar: TypeAlias = str | int | float | bool
Params: TypeAlias = Mapping[str, Scalar | Sequence[Scalar]] | Sequence[tuple[str, Scalar]]
Data: TypeAlias = bytes | str | Mapping[str, Scalar | Sequence[Scalar]]


@dataclass(frozen=True, slots=True)
class TaskResponse:
    """What a surface answered. Header names are matched in any case."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body as UTF-8 text; what is not UTF-8 is shown as U+FFFD."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Parse the body; a decimal keeps its digits when it is sent back. Raises `InvalidAnswerError`."""
        try:
            return jsonio.parse(self.body)
        except SandboxError as error:
            shown = self.text[:80]
            raise InvalidAnswerError(f"HTTP {self.status} with no JSON body: {error.message} {shown!r}") from None

    def raise_for_status(self) -> "TaskResponse":
        """Return this response, or raise the `APIError` its status stands for (400 and above)."""
        if not self.ok:
            raise error_of(self.status, self.headers, self.body)
        return self


class TaskSession:
    """One started task run.

    `started` is the whole response of the start call; `base_url` is the surface root that paths
    are relative to; `calls` counts the requests made. `urls` are the capability URLs by surface, which need no token
    and are to be kept as one; none from a server in strict mode.
    """

    def __init__(
        self, transport: Transport, server_url: URL, started: JsonObject, token: str, *, is_task_scoped: bool
    ) -> None:
        self._transport = transport
        self._server_url = server_url
        self.started = started
        self.token = token
        self.task_run_id: str = started["task_run_id"]
        self.benchmark_run_id: str = started["benchmark_run_id"]
        self.key: str = started.get("key") or self.task_run_id
        self.name: str = started.get("name") or self.key
        self.task_item: JsonObject = started.get("task_item") or {}
        self.endpoints: Mapping[str, str] = started.get("endpoints") or {}
        self.sandboxes: Sequence[JsonObject] = started.get("sandboxes") or ()
        self.urls: Mapping[str, str] = started.get("urls") or {}
        self.may_advance_clock: bool = bool((started.get("waiting") or {}).get("allowed"))
        scope = f"task-runs/{self.task_run_id}" if is_task_scoped else f"benchmark-runs/{self.benchmark_run_id}"
        self.base_url = str(server_url / "v1" / scope)
        self.calls = 0
        self.is_closed = False

    def __repr__(self) -> str:
        return f"<TaskSession {self.key} {self.task_run_id}>"

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: Data | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TaskResponse:
        """Call a surface and return what it answered, whatever the status.

        `path` is relative to the surface root (`"fhir/Patient"`), or root-relative (`"/v1/…"`, as in
        `endpoints`), or absolute on the same server (as in a Bundle's `next` link); any other server
        is a `ValueError`, so that the run token stays here. `json` is sent as `application/json`,
        `data` as bytes, text or a form; `headers` win over both. Raises `APIConnectionError` and
        `APITimeoutError`.
        """
        if self.is_closed:
            raise RuntimeError(f"The task {self.key} has ended; its session makes no more calls.")
        url = self._url_of(path)
        if params is not None:
            url = url.extend_query(flatten(params))
        sent = CIMultiDict({"Authorization": f"Bearer {self.token}"})
        body = encode_body(sent, json, data)
        sent.update(headers or {})
        self.calls += 1
        answer = await self._transport.send(method.upper(), url, sent, body)
        return TaskResponse(answer.status, answer.headers, answer.body)

    async def advance_clock(self, seconds: float | None = None) -> TaskResponse:
        """Wait on the playground's clock, so many seconds or else until the next thing is due; no real time passes.

        A task may forbid it: `may_advance_clock`.
        """
        body = {"to": "next"} if seconds is None else {"seconds": seconds}
        return await self.request("POST", "clock/advance", json=body)

    def close(self) -> None:
        """Refuse further calls; the client does so when the task is completed."""
        self.is_closed = True

    def _url_of(self, path: str) -> URL:
        if path.startswith(("http://", "https://")):
            url = URL(path)
            if url.origin() != self._server_url.origin():
                raise ValueError(f"{url.origin()} is not the sandbox server {self._server_url.origin()}: {path}")
            return url
        if path.startswith("/"):
            return URL(str(self._server_url.origin()) + path)
        return URL(f"{self.base_url}/{path}")


def seconds_allowed(started: JsonObject) -> float | None:
    """Return how many seconds the start response gives the task, or None where it sets no limit.

    >>> seconds_allowed({"started_at": "2026-04-20T17:00:00.000Z", "timeout_at": "2026-04-20T17:05:00.000Z"})
    300.0
    """
    begin, end = started.get("started_at"), started.get("timeout_at")
    if not begin or not end:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def flatten(params: Params) -> list[tuple[str, str]]:
    """Write query parameters or form fields as pairs; a list repeats its name.

    >>> flatten({"status": ["booked", "pending"], "_count": 5, "active": True})
    [('status', 'booked'), ('status', 'pending'), ('_count', '5'), ('active', 'true')]
    """
    pairs: list[tuple[str, str]] = []
    for name, value in params.items() if isinstance(params, Mapping) else params:
        values: Sequence[Scalar] = [value] if isinstance(value, Scalar) else value
        pairs += [(name, str(item).lower() if isinstance(item, bool) else str(item)) for item in values]
    return pairs


def encode_body(headers: CIMultiDict[str], json: Any, data: Data | None) -> bytes | None:
    """Return the bytes to send and set their `Content-Type` in `headers`.

    Raises `TypeError` for both at once, or for a value that JSON cannot hold.
    """
    if data is None:
        if json is None:
            return None
        headers["Content-Type"] = "application/json"
        return jsonio.dump(json)
    if json is not None:
        raise TypeError("Give either json or data, not both.")
    if isinstance(data, Mapping):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return urlencode(flatten(data)).encode()
    headers["Content-Type"] = "text/plain; charset=utf-8" if isinstance(data, str) else "application/octet-stream"
    return data.encode() if isinstance(data, str) else data
