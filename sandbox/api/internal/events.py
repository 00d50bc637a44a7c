"""Internal API: the recorded events of a task run or a sandbox, as pages and as a stream."""

import asyncio

from aiohttp import web

from sandbox import jsonio, work
from sandbox.api import auth
from sandbox.api.context import CREW, HUB, READER, REQUEST_ID, RUNS, WRITER
from sandbox.api.internal import task_runs
from sandbox.api.internal.places import playground_row
from sandbox.api.pagination import PageRequest, edge
from sandbox.api.queries import choice
from sandbox.errors import Malformed, NotFound
from sandbox.wire.paging import bad_cursor, envelope
from sandbox.wire.whole_numbers import HUGE, read_whole_number

_KEEP_ALIVE_S = 15.0
_AT_ONCE = 100


async def _page(request: web.Request, playground_id: str, sandbox_id: str | None = None) -> web.Response:
    """Answer one page of events, newest first, or oldest first with `?order=asc`."""
    order = choice(request.query, "order", "desc", "asc")
    page = PageRequest.read(request.query)
    limit, is_back, after = page.limit, page.is_back, None
    if page.after is not None:
        after = read_whole_number(page.after[1])
        if after is None or after >= HUGE:  # more than SQLite can hold
            raise bad_cursor()
    goes_up = (order == "asc") is not is_back
    reader = request.app[READER]
    rows = await reader.event_rows(
        playground_id,
        after=after if goes_up else None,
        before=None if goes_up else after,
        where="" if sandbox_id is None else "sandbox_id = ?",
        values=() if sandbox_id is None else (sandbox_id,),
        is_newest_first=not goes_up,
        limit=limit + 1,
    )
    has_more, rows = len(rows) > limit, rows[:limit]
    if is_back:
        rows.reverse()
    has_next = bool(rows) if is_back else has_more
    has_prev = has_more if is_back else after is not None and bool(rows)
    following = edge("", str(rows[-1]["seq"]), False) if has_next else None
    previous = edge("", str(rows[0]["seq"]), True) if has_prev else None
    shown = await reader.event_jsons(rows)

    def write() -> bytes:
        return jsonio.dump(envelope(shown(), following, previous, limit))

    body = await request.app[CREW].do(write, work.Budget(work.UNBOUNDED))
    return web.Response(body=body, content_type="application/json")


async def of_task_run(request: web.Request) -> web.Response:
    """GET /task-runs/{id}/events?order=asc."""
    _, task_run = await task_runs.find(request)
    if task_run.is_over:
        await request.app[READER].check_kept(task_run.playground_id)
    return await _page(request, task_run.playground_id)


async def of_playground(request: web.Request) -> web.Response:
    """GET /playgrounds/{id}/events?order=asc (extension): a fork's own; what was before are its parent's."""
    principal = auth.organization(request)
    row = await playground_row(request, request.match_info["id"], principal.organization_id)
    await request.app[READER].check_kept(row["id"])
    return await _page(request, row["id"])


async def of_sandbox(request: web.Request) -> web.Response:
    """GET /sandboxes/{id}/events?order=asc."""
    principal = auth.organization(request)
    row = await request.app[READER].row("SELECT * FROM sandboxes WHERE id = ?", request.match_info["id"])
    if row is None or row["organization_id"] != principal.organization_id:
        raise NotFound("There is no such sandbox.")
    await request.app[READER].check_kept(row["playground_id"])
    return await _page(request, row["playground_id"], row["id"])


async def stream(request: web.Request) -> web.StreamResponse:
    """GET /task-runs/{id}/events/stream: server-sent events, from `Last-Event-ID` or the beginning.

    Each message's id is the event's `seq`; the stream ends with the event `end` when the task run
    is over.
    """
    _, task_run = await task_runs.find(request)
    if task_run.is_over:
        await request.app[READER].check_kept(task_run.playground_id)
    position = read_whole_number(request.headers.get("Last-Event-ID", "0"))
    if position is None:
        raise Malformed("Last-Event-ID must be the seq of an event.")
    reader, runs = request.app[READER], request.app[RUNS]
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Request-Id": request[REQUEST_ID]}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    hub = request.app[HUB]
    with hub.follow(task_run.playground_id) as news:
        while not hub.is_closing:
            news.clear()
            is_over = task_run.is_over or runs.active_task_run(task_run.id) is None
            if is_over and request.app[WRITER].failure is None:
                await request.app[WRITER].flush()  # its last events may still be on their way to the disk
            rows = await reader.event_rows(task_run.playground_id, after=position, limit=_AT_ONCE)
            shown = await reader.event_jsons(rows)
            for value in await asyncio.to_thread(shown) if rows else ():
                position = value["seq"]
                head = f"id: {position}\nevent: {value['type']}\ndata: ".encode()
                await response.write(head + jsonio.dump(value) + b"\n\n")
            if rows:
                continue
            if is_over:
                await response.write(b"event: end\ndata: {}\n\n")
                await response.write_eof()
                return response
            try:
                async with asyncio.timeout(_KEEP_ALIVE_S):
                    await news.wait()
            except TimeoutError:
                await response.write(b": still here\n\n")
    return response


def add_routes(app: web.Application) -> None:
    """Add the routes of events."""
    router = app.router
    router.add_get("/task-runs/{id}/events", of_task_run)
    router.add_get("/task-runs/{id}/events/stream", stream, allow_head=False)
    router.add_get("/playgrounds/{id}/events", of_playground)
    router.add_get("/sandboxes/{id}/events", of_sandbox)
