"""Bodies by themselves: to be drawn, in a frame where nothing of them runs, or to be kept as a file."""

from typing import Final

from aiohttp import web

from sandbox.dashboard import drawing
from sandbox.dashboard.access import Session
from sandbox.dashboard.calls import media_type_of, surface_of
from sandbox.dashboard.task_runs import find_event, views_of
from sandbox.errors import NotFound
from sandbox.simulators.showing import FileBody, PageBody

# Nothing in it runs or leads anywhere, in a frame or by itself; its own style stays within.
_CAGE: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
_PAGES_MAX: Final = 50


async def _body(request: web.Request, session: Session) -> tuple[bytes, str, str]:
    """Return the body of the event and side in the path, its media type, and a name for its file."""
    _, _, event, _ = await find_event(request, session)
    side = request.match_info["side"]
    message = event.request if side == "request" else event.response if side == "response" else None
    if message is None or not message.body:
        raise NotFound(f"The event has no body of its {side[:20]}.")
    views = views_of(request)(surface_of(event.type, event.request.path if event.request else ""))
    parts = views.show_body(media_type_of(message), message.body)
    if any(isinstance(part, PageBody) for part in parts):
        kind = "text/html"
    elif parts and isinstance(parts[0], FileBody):
        kind = parts[0].media_type
    else:
        kind = "text/plain"
    return message.body, kind, f"event-{event.seq}-{side}"


async def show_body(request: web.Request, session: Session) -> web.Response:
    """GET /ui/task-runs/{id}/events/{seq}/{side}: what was sent or answered, byte for byte.

    A picture and a page are drawn; anything else is shown as text or kept as a file.
    """
    body, kind, name = await _body(request, session)
    headers = {"Content-Security-Policy": _CAGE, "Cache-Control": "private, max-age=3600"}
    if kind.startswith("image/") and kind != "image/tiff":
        return web.Response(body=body, content_type=kind, headers=headers)
    if kind.startswith("text/"):
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{name}{drawing.SUFFIXES.get(kind, ".bin")}"'
    return web.Response(body=body, content_type="application/octet-stream", headers=headers)


async def show_body_page(request: web.Request, session: Session) -> web.Response:
    """GET /ui/task-runs/{id}/events/{seq}/{side}/pages/{page}: a page of a document as a picture."""
    body, kind, _ = await _body(request, session)
    text = request.match_info["page"]
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 else 0
    if not 1 <= number <= _PAGES_MAX:
        raise NotFound(f"Pages are drawn from 1 to {_PAGES_MAX}.")
    picture = await drawing.draw_page(kind, body, number)
    headers = {"Content-Security-Policy": _CAGE, "Cache-Control": "private, max-age=3600"}
    return web.Response(body=picture, content_type="image/png", headers=headers)
