"""Internal API: a recorded run as one file for other tools."""

import asyncio

from aiohttp import web

from sandbox.api.context import FORMATS, READER, REQUEST_ID, WRITER, root_url
from sandbox.api.internal import benchmark_runs
from sandbox.api.queries import choice
from sandbox.errors import Invalid
from sandbox.logs import get_logger
from sandbox.record.export.source import RunSource

log = get_logger()


async def export(request: web.Request) -> web.StreamResponse:
    """GET /benchmark-runs/{id}/export?format=: the file, piece by piece."""
    run = await benchmark_runs.find(request)
    formats = request.app[FORMATS]
    if "format" not in request.query:
        raise Invalid(f"Say which format: ?format={'|'.join(formats)}", details={"format": ["Required parameter"]})
    form = formats[choice(request.query, "format", *formats)]
    await request.app[WRITER].flush()  # what was answered is in it
    source = RunSource(request.app[READER])
    record = await source.run(run.id, has_events=form.has_events)
    response = web.StreamResponse(
        headers={
            "Content-Type": form.content_type,
            "Content-Disposition": f'attachment; filename="{run.id}.{form.suffix}"',
            "Cache-Control": "no-store",
            "X-Request-Id": request[REQUEST_ID],
        }
    )
    await response.prepare(request)
    try:
        async for piece in form.write(source, record, root_url(request)):
            await response.write(piece)
            await asyncio.sleep(0)  # a client that reads fast lets nobody else have a turn
    except (asyncio.CancelledError, ConnectionResetError):
        raise
    except Exception as error:  # the answer has begun: all that can still be said is that it is not whole
        log.exception("an export was broken off", request_id=request[REQUEST_ID], benchmark_run_id=run.id)
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the export was broken off") from error
    await response.write_eof()
    return response


def add_routes(app: web.Application) -> None:
    """Add the route of exports."""
    app.router.add_get("/benchmark-runs/{id}/export", export, allow_head=False)
