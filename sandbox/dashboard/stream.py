"""What goes on while somebody looks: a timeline's new rows, and news of a run, as server-sent events.

Whoever looks costs the agent nothing: what is new is read from the record after its commit, at most a few times a
second, and rendered once for all who look.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from sandbox.api.context import CLOCK, HUB, READER, REQUEST_ID, RUNS, WRITER
from sandbox.dashboard import access, history
from sandbox.dashboard.calls import Call, call_of_row
from sandbox.dashboard.history import Wanted
from sandbox.dashboard.places import find_task_run, views_of
from sandbox.dashboard.runs import find_run, standing_of
from sandbox.dashboard.shell import href, row_renderer, show_error
from sandbox.errors import SandboxError, Unauthorized
from sandbox.runs.models import BenchmarkRun, TaskRun

_KEEP_ALIVE_S: Final = 15.0
_BREATH_S: Final = 0.2
_LOOK_S: Final = 0.5
_BATCH: Final = 200
# A page that has taken so many rows is told to be loaded again.
ROWS_MAX: Final = 2_000
_ROWS_KEPT: Final = 2_000
_ROWS_IN_A_TURN: Final = 10


class Rows:
    """Rows that were rendered of late, for everybody who looks at the same playground."""

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[str, int], tuple[Call, str]] = OrderedDict()

    def find(self, playground_id: str, seq: int) -> tuple[Call, str] | None:
        """Return a row."""
        return self._rows.get((playground_id, seq))

    def keep(self, playground_id: str, call: Call, text: str) -> None:
        """Keep a row, and let go of the oldest."""
        self._rows[playground_id, call.seq] = call, text
        if len(self._rows) > _ROWS_KEPT:
            self._rows.popitem(last=False)


ROWS = web.AppKey("dashboard_rows", Rows)


async def follow_run(request: web.Request) -> web.StreamResponse:
    """GET /ui/runs/{id}/live?seen=: the event `changed` whenever one of its tasks begins or ends, then `end`.

    `seen` is what the page shows (`standing_of`), so that nothing between it and the stream is missed.
    """
    try:
        access.refuse_strangers(request)
        session = access.find(request)
        if session is None:
            raise Unauthorized("Log in first.")
        run = await find_run(request, session, request.match_info["id"])
    except SandboxError as error:
        return show_error(request, None, error)
    response = await _begin(request)
    with suppress(ConnectionResetError):  # whoever looked has gone
        await _follow_run(request, response, run, request.query.get("seen", ""))
    return response


async def _follow_run(request: web.Request, response: web.StreamResponse, run: BenchmarkRun, seen: str) -> None:
    app, silent_s = request.app, 0.0
    while not app[HUB].is_closing:
        run = await app[RUNS].find_run(run.id)
        standing = standing_of(run)
        if standing != seen:
            seen, silent_s = standing, 0.0
            await response.write(_message("changed", 0, standing))
        if run.is_over:
            await response.write(_message("end", 0, ""))
            break
        if silent_s >= _KEEP_ALIVE_S:
            silent_s = 0.0
            await response.write(b": still here\n\n")
        await app[CLOCK].sleep(_LOOK_S)
        silent_s += _LOOK_S
    await response.write_eof()


async def _begin(request: web.Request) -> web.StreamResponse:
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Request-Id": request[REQUEST_ID]}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    return response


async def follow(request: web.Request) -> web.StreamResponse:
    """GET /ui/task-runs/{id}/live?after=: the calls after an event, filtered as the page is.

    The event `calls` brings rows, `full` says that the page has enough of them, `end` that the task run is over.
    """
    try:
        access.refuse_strangers(request)
        session = access.find(request)
        if session is None:
            raise Unauthorized("Log in first.")
        _, task_run = await find_task_run(request, session, request.match_info["id"])
        wanted = Wanted.read(request.query)
        position = history.read_seq({"id": request.headers.get("Last-Event-ID", "")}, "id", wanted.after)
    except SandboxError as error:
        return show_error(request, None, error)
    response = await _begin(request)
    with suppress(ConnectionResetError):  # whoever looked has gone
        await _follow(request, response, task_run, wanted, position)
    return response


async def _follow(
    request: web.Request, response: web.StreamResponse, task_run: TaskRun, wanted: Wanted, position: int
) -> None:
    app, sent = request.app, 0
    reader, runs, hub, writer = app[READER], app[RUNS], app[HUB], app[WRITER]
    with hub.follow(task_run.playground_id) as news:
        while not hub.is_closing:
            news.clear()
            is_over = task_run.is_over or runs.active_task_run(task_run.id) is None
            if is_over and writer.failure is None:
                await writer.flush()  # its last events may still be on their way to the disk
            rows = await history.rows_after(reader, task_run.playground_id, position, _BATCH)
            if rows:
                shown = await _render(request, task_run, rows)
                position = rows[-1]["seq"]
                texts = [text for call, text in shown if wanted.takes(call)]
                if texts:
                    sent += len(texts)
                    await response.write(_message("calls", position, "".join(texts)))
                if sent >= ROWS_MAX:
                    await response.write(_message("full", position, ""))
                    break
                if len(rows) < _BATCH:
                    await app[CLOCK].sleep(_BREATH_S)
                continue
            if is_over:
                await response.write(_message("end", position, ""))
                break
            try:
                async with asyncio.timeout(_KEEP_ALIVE_S):
                    await news.wait()
            except TimeoutError:
                await response.write(b": still here\n\n")
    await response.write_eof()


async def _render(request: web.Request, task_run: TaskRun, rows: list[Any]) -> list[tuple[Call, str]]:
    kept, playground_id = request.app[ROWS], task_run.playground_id
    begin = await history.begin_of(request.app[READER], playground_id)
    assert begin is not None
    base, render = href("playgrounds", playground_id), row_renderer(request)
    shown = {row["seq"]: kept.find(playground_id, row["seq"]) for row in rows}
    new = [call_of_row(row, begin) for row in rows if shown[row["seq"]] is None]
    reader, find_views = request.app[READER], views_of(request.app)
    for number, call in enumerate(await history.with_gists(reader, playground_id, new, find_views)):
        if number % _ROWS_IN_A_TURN == 0:
            await asyncio.sleep(0)
        text = render(call, base)
        shown[call.seq] = call, text
        kept.keep(playground_id, call, text)
    return [found for found in shown.values() if found is not None]


def _message(kind: str, position: int, text: str) -> bytes:
    """Write one message; a text of several lines is several lines of data."""
    data = "".join(f"data: {line}\n" for line in (text.splitlines() or [""]))
    return f"id: {position}\nevent: {kind}\n{data}\n".encode()
