"""HTTP Archive 1.2: every call with its timing, headers and bodies, a page for each task run.

http://www.softwareishard.com/blog/har-12-spec/. What a playground did by itself is no call and left out. The server's
address is not recorded: URLs are made of the one it is known by now.
"""

import base64
from collections.abc import AsyncIterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, quote

from sandbox import __version__, jsonio
from sandbox.clock import format_instant
from sandbox.jsonio import Json
from sandbox.playground.events import Request, Response
from sandbox.record.export.source import Recorded, RunRecord, RunSource, TaskRecord

_NO_TYPE: Final = "application/octet-stream"
_PATH_SAFE: Final = "/:@!$&'()*+,;=~"
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


async def write(source: RunSource, record: RunRecord, url: str) -> AsyncIterator[bytes]:
    """Yield the archive; a page begins with its first call, on the playground's clock as the calls do."""
    creator = jsonio.dump({"name": "sandbox", "version": __version__})
    yield b'{"log":{"version":"1.2","creator":' + creator + b',"entries":['
    pages, separator = [], b"\n"
    for task in record.tasks:
        started_at = None
        async for recorded in source.events(task):
            if recorded.is_call and recorded.event.response is not None:
                started_at = started_at or format_instant(recorded.event.at)
                yield separator + await recorded.written(partial(_written, task, recorded, url))
                separator = b",\n"
        pages.append(_page(record, task, started_at))
    yield b'\n],"pages":' + jsonio.dump(pages) + b"}}\n"


def _page(record: RunRecord, task: TaskRecord, started_at: str | None) -> Json:
    begun = started_at or task.task_run["started_at"] or task.task_run["created_at"]
    title = f"{record.benchmark} · {task.key} · {task.task_run['verdict'] or task.task_run['status']}"
    return {"id": task.task_run["id"], "startedDateTime": begun, "title": title, "pageTimings": {}}


def _written(task: TaskRecord, recorded: Recorded, url: str) -> bytes:
    return jsonio.dump(_entry(task, recorded, url))


def _entry(task: TaskRecord, recorded: Recorded, url: str) -> Json:
    event = recorded.event
    request, response = event.request, event.response
    assert request is not None and response is not None
    took = round(event.duration_ms, 3)
    return {
        "pageref": task.task_run["id"],
        "startedDateTime": format_instant(event.at),
        "time": took,
        "request": _request(request, f"{url}/v1/task-runs/{task.task_run['id']}"),
        "response": _response(response),
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "comment": f"{event.type} {event.id}",
        "_seq": event.seq,
        "_actor": event.actor,
        "_via": request.via,
        "_server_at": format_instant(recorded.server_at) if recorded.server_at is not None else None,
    }


def _request(request: Request, root: str) -> Json:
    query = f"?{request.raw_query}" if request.raw_query else ""
    value: dict[str, Json] = {
        "method": request.method,
        "url": f"{root}/{quote(request.path, safe=_PATH_SAFE)}{query}",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(request.headers),
        "queryString": [
            {"name": name, "value": text} for name, text in parse_qsl(request.raw_query, keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": len(request.body),
    }
    if request.body:
        posted: dict[str, Json] = {"mimeType": request.headers.get("content-type", _NO_TYPE)}
        try:
            posted["text"] = request.body.decode()
        except UnicodeDecodeError:  # the format knows base64 for answers only
            posted |= {"text": base64.b64encode(request.body).decode(), "_encoding": "base64", "comment": "base64"}
        value["postData"] = posted
    return value


def _response(response: Response) -> Json:
    content: dict[str, Json] = {"size": len(response.body), "mimeType": response.content_type or _NO_TYPE}
    try:
        content["text"] = response.body.decode()
    except UnicodeDecodeError:
        content |= {"text": base64.b64encode(response.body).decode(), "encoding": "base64"}
    return {
        "status": response.status,
        "statusText": _REASONS.get(response.status, ""),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(response.headers),
        "content": content,
        "redirectURL": response.headers.get("location", "") if 300 <= response.status < 400 else "",
        "headersSize": -1,
        "bodySize": len(response.body),
    }


def _pairs(headers: Mapping[str, str]) -> Json:
    return [{"name": name, "value": value} for name, value in headers.items()]
