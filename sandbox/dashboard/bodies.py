"""Bodies and files by themselves: to be drawn, in a frame where nothing of them runs, or to be kept."""

from typing import Final

from aiohttp import web

from sandbox.dashboard import drawing
from sandbox.dashboard.access import Session
from sandbox.dashboard.calls import media_type_of, shown_parts, surface_of
from sandbox.dashboard.events import find_event
from sandbox.dashboard.places import find_place, views_of
from sandbox.dashboard.playgrounds import content_of, state_of
from sandbox.errors import NotFound
from sandbox.simulators.showing import Body, FileBody, PageBody

# Nothing in it runs or leads anywhere, in a frame or by itself; its own style stays within.
_CAGE: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
_PAGES_MAX: Final = 50
_HEADERS: Final = {"Content-Security-Policy": _CAGE, "Cache-Control": "private, max-age=60"}


def kind_of(parts: tuple[Body, ...]) -> str:
    """Return the media type that a body is served with: a page's, a picture's, a document's, else plain text.

    >>> kind_of((FileBody("application/pdf", 9, is_paged=True),)), kind_of((PageBody("<p>"),)), kind_of(())
    ('application/pdf', 'text/html', 'text/plain')
    """
    if any(isinstance(part, PageBody) for part in parts):
        return "text/html"
    if parts and isinstance(parts[0], FileBody):
        return parts[0].media_type if parts[0].is_picture or parts[0].is_paged else "application/octet-stream"
    return "text/plain"


def serve(body: bytes, kind: str, name: str) -> web.Response:
    """Answer a body byte for byte. A picture and a page are drawn; anything else is text or a file to keep."""
    if kind.startswith("text/") or (kind.startswith("image/") and kind not in drawing.SUFFIXES):
        charset = "utf-8" if kind.startswith("text/") else None
        return web.Response(body=body, content_type=kind, charset=charset, headers=_HEADERS)
    disposition = f'attachment; filename="{name}{drawing.SUFFIXES.get(kind, ".bin")}"'
    headers = {**_HEADERS, "Content-Disposition": disposition}
    return web.Response(body=body, content_type="application/octet-stream", headers=headers)


async def serve_page(request: web.Request, body: bytes, kind: str) -> web.Response:
    """Answer a page of a document as a picture. Raises `NotFound`."""
    text = request.match_info["page"]
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 3 else 0
    if not 1 <= number <= _PAGES_MAX:
        raise NotFound(f"Pages are drawn from 1 to {_PAGES_MAX}.")
    picture = await drawing.draw_page(kind, body, number)
    return web.Response(body=picture, content_type="image/png", headers=_HEADERS)


async def _of_event(request: web.Request, session: Session) -> tuple[bytes, str, str]:
    """Return the body of the event and side in the path, what it is served as, and a name for its file."""
    _, event, _ = await find_event(request, session)
    side = request.match_info["side"]
    message = event.request if side == "request" else event.response if side == "response" else None
    if message is None or not message.body:
        raise NotFound(f"The event has no body of its {side[:20]}.")
    views = views_of(request.app)(surface_of(event.type, event.request.path if event.request else ""))
    parts = shown_parts(views, media_type_of(message), message.body)
    return message.body, kind_of(parts), f"event-{event.seq}-{side}"


async def show_body(request: web.Request, session: Session) -> web.Response:
    """GET /ui/playgrounds/{id}/events/{seq}/{side}: what was sent (`request`) or answered (`response`)."""
    return serve(*await _of_event(request, session))


async def show_body_page(request: web.Request, session: Session) -> web.Response:
    """GET /ui/playgrounds/{id}/events/{seq}/{side}/pages/{page}: a page of a document as a picture."""
    body, kind, _ = await _of_event(request, session)
    return await serve_page(request, body, kind)


async def _of_document(request: web.Request, session: Session) -> tuple[bytes, str, str]:
    place = await find_place(request, session, request.match_info["id"])
    collection, key = request.query.get("c", ""), request.query.get("k", "")
    state = await state_of(request, place, request.query.get("at", ""))
    views = views_of(request.app)(collection.partition("/")[0])
    found = content_of(state.branch, views, collection, key)
    if found is None:
        raise NotFound("The document has no content beside itself.")
    body, media_type = found
    return body, kind_of(shown_parts(views, media_type, body)), "content"


async def show_content(request: web.Request, session: Session) -> web.Response:
    """GET /ui/playgrounds/{id}/content: the bytes that the document `k` of the collection `c` is about."""
    return serve(*await _of_document(request, session))


async def show_content_page(request: web.Request, session: Session) -> web.Response:
    """GET /ui/playgrounds/{id}/content/pages/{page}: a page of them as a picture."""
    body, kind, _ = await _of_document(request, session)
    return await serve_page(request, body, kind)
