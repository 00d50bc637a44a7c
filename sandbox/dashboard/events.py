"""Page: an opened call of a playground's timeline, by itself or as a part of it."""

from datetime import datetime
from typing import Any

from aiohttp import web

from sandbox.api.context import READER
from sandbox.dashboard import history
from sandbox.dashboard.access import Session
from sandbox.dashboard.calls import EventView, event_view, href_finder
from sandbox.dashboard.places import Place, crumbs, find_place, settle_record, views_of
from sandbox.dashboard.shell import href, render
from sandbox.errors import NotFound
from sandbox.playground.events import Event
from sandbox.simulators.showing import Link


async def find_event(request: web.Request, session: Session) -> tuple[Place, Event, datetime]:
    """Return the event in the path, and when its timeline began. Raises `NotFound`, `Gone`."""
    place = await find_place(request, session, request.match_info["id"])
    await settle_record(request.app, place.id)
    seq = history.read_seq(request.match_info, "seq", 0)
    event = await history.read_event(request.app[READER], place.id, seq)
    begin = await history.begin_of(request.app[READER], place.id)
    if event is None or begin is None:
        raise NotFound(f"The timeline has no event {seq}.")
    return place, event, begin


def opened(app: web.Application, place: Place, event: Event, begin: datetime) -> tuple[EventView, Any]:
    """Return an event as it is shown opened, and what finds where its texts lead."""
    view = event_view(event, begin, views_of(app), f"{place.href}/events/{event.seq}")

    def to_document(link: Link) -> str:
        return href("playgrounds", place.id, "documents", c=link.collection, k=link.key, at=event.seq)

    return view, href_finder(view.views, to_document)


async def show_event(request: web.Request, session: Session) -> web.Response:
    """GET /ui/playgrounds/{id}/events/{seq}: a call with request and answer side by side; `part` for the timeline."""
    place, event, begin = await find_event(request, session)
    view, find_href = opened(request.app, place, event, begin)
    return render(
        request,
        session,
        "parts/event.html" if "part" in request.query else "event.html",
        section="runs",
        **crumbs(place.run),
        place=place,
        view=view,
        find_href=find_href,
        total=await history.last_seq(request.app[READER], place.id),
        page_calls=history.PAGE_CALLS,
        base=place.href,
    )
