"""Pages: the playgrounds, one of them, the documents in it, and what changed from one of its events to another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from sandbox.api.context import READER, RUNS
from sandbox.api.pagination import PageRequest, Position, paginate
from sandbox.dashboard import history
from sandbox.dashboard.access import Session
from sandbox.dashboard.calls import READ_BYTES, Side, is_shown, shown_parts, title_finder, title_of
from sandbox.dashboard.history import Wanted, read_seq
from sandbox.dashboard.places import Place, crumbs, find_place, views_of
from sandbox.dashboard.shell import href, render
from sandbox.dashboard.task_runs import read_calls
from sandbox.errors import Gone, NotFound
from sandbox.playground.branch import Branch
from sandbox.runs.playgrounds.states import State
from sandbox.simulators.showing import Link, Views

DOCUMENTS: Final = 100
_SEED: Final = "seed"


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of a surface: what people call it, how many documents it has."""

    name: str
    title: str
    count: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A document in a list."""

    key: str
    title: str
    version: int


async def show_playgrounds(request: web.Request, session: Session) -> web.Response:
    """GET /ui/playgrounds: all of them, newest first; `status` is `active` or `teardown`."""
    reader = request.app[READER]
    where, values = "organization_id = ?", [session.principal.organization_id]
    status = request.query.get("status", "")
    if status:
        where, values = f"{where} AND status = ?", [*values, status[:20]]

    async def fetch(after: Position | None, is_back: bool, limit: int) -> Sequence[Any]:
        return await reader.page("playgrounds", where, values, after=after, is_back=is_back, limit=limit)

    found = await paginate(PageRequest.read(request.query), fetch, lambda r: (r["created_at"], r["id"]), dict)
    return render(
        request,
        session,
        "playgrounds.html",
        section="playgrounds",
        rows=found["data"],
        newer=found["_meta"]["prev"],
        older=found["next_cursor"],
        status=status,
    )


async def state_of(request: web.Request, place: Place, text: str) -> State:
    """Return the state after the event that a query names, `seed` for what was there before all, else as it is now."""
    states = request.app[RUNS].states
    if text == _SEED:
        return await states.seed_of(place.id)
    return await states.at(place.id, read_seq({"event": text}, "event", 0) if text.strip() else None)


def collections_of(branch: Branch, surface: str, views: Views) -> list[Collection]:
    """Return a surface's collections that hold something, those with a name for people first."""
    named = dict(views.lists or {})
    names = [name for name in branch.collections(f"{surface}/") if is_shown(name)]
    ordered = [*(name for name in named if name in names), *sorted(name for name in names if name not in named)]
    found = [Collection(n, named.get(n, n.partition("/")[2]), branch.count(n)) for n in ordered]
    return [collection for collection in found if collection.count]


async def show_playground(request: web.Request, session: Session) -> web.Response:
    """GET /ui/playgrounds/{id}: what is in it, what can be done with it; a fork's timeline, too. `at` is an event."""
    place = await find_place(request, session, request.match_info["id"])
    at = request.query.get("at", "")
    surfaces, gone, seq, clock = [], "", None, None
    try:
        state = await state_of(request, place, at)
    except Gone as error:
        gone = error.message
    else:
        seq, clock = state.seq, _clock(request, state, is_now=not at)
        find_views = views_of(request.app)
        surfaces = [(s, collections_of(state.branch, s.surface, find_views(s.surface))) for s in place.sandboxes]
    wanted = Wanted.read(request.query)
    calls, pruned = await read_calls(request.app, place.id, place.surfaces, wanted)
    return render(
        request,
        session,
        "playground.html",
        section="playgrounds",
        **crumbs(place.run),
        place=place,
        at=at,
        seq=seq,
        clock=clock,
        gone=gone,
        surfaces=surfaces,
        wanted=wanted,
        calls=calls,
        pruned=pruned,
        here_base=place.href,
        base=place.href,
        page_calls=history.PAGE_CALLS,
        is_live=False,
    )


def _clock(request: web.Request, state: State, *, is_now: bool) -> datetime | None:
    """Return the playground's own time: now while it goes on, else after the event that is shown."""
    playground = request.app[RUNS].active_playground(state.playground_id)
    return playground.now() if is_now and playground is not None and state.at is not None else state.at


async def show_documents(request: web.Request, session: Session) -> web.Response:
    """GET /ui/playgrounds/{id}/documents: those of the collection `c`, or with `k` one of them; `at` is an event."""
    place = await find_place(request, session, request.match_info["id"])
    collection, key, at = (request.query.get(name, "") for name in ("c", "k", "at"))
    if not is_shown(collection):
        raise NotFound("This collection is bookkeeping; it is not shown.")
    state = await state_of(request, place, at)
    views = views_of(request.app)(collection.partition("/")[0])
    common: dict[str, Any] = {"place": place, "collection": collection, "at": at, "seq": state.seq, "base": place.href}
    common |= {"list_title": (views.lists or {}).get(collection, collection.partition("/")[2]), **crumbs(place.run)}
    if key:
        shown = _document(place, state, views, collection, key, at)
        return render(request, session, "document.html", section="playgrounds", key=key, **common, **shown)
    after, text = request.query.get("after", ""), request.query.get("q", "").strip()
    found = list(islice(_listed(state.branch, views, collection, text, after), DOCUMENTS + 1))
    return render(
        request,
        session,
        "documents.html",
        section="playgrounds",
        documents=found[:DOCUMENTS],
        following=found[DOCUMENTS - 1].key if len(found) > DOCUMENTS else None,
        count=state.branch.count(collection),
        text=text,
        after=after,
        **common,
    )


def _listed(branch: Branch, views: Views, collection: str, text: str, after: str) -> Iterator[Listed]:
    """Yield the documents whose key holds a text, by key."""
    needle = text.casefold()
    documents = dict(branch.documents(collection))
    for key in sorted(name for name in documents if name > after and needle in name.casefold()):
        document = documents[key]
        yield Listed(key, title_of(views, collection, document), document.version)


def content_of(branch: Branch, views: Views, collection: str, key: str) -> tuple[bytes, str] | None:
    """Return the bytes that a document is about and their media type, None where there are none beside it.

    Raises `NotFound` for bookkeeping.
    """
    if not is_shown(collection):
        raise NotFound("This collection is bookkeeping; it is not shown.")
    document = branch.get_document(collection, key)
    if document is None:
        return None
    if document.known_size > READ_BYTES and not document.is_binary:
        return None
    value = document.value
    if isinstance(value, bytes):
        return value, "application/octet-stream"
    found = views.find_content(collection, key, value)
    if found is None:
        return None
    body = branch.get(found[0].collection, found[0].key)
    return (body, found[1]) if isinstance(body, bytes) else None


def _document(place: Place, state: State, views: Views, collection: str, key: str, at: str) -> dict[str, Any]:
    """Return what the page of a document shows. Raises `NotFound`."""
    document = state.branch.get_document(collection, key)
    if document is None:
        when = f"after event {state.seq}" if at else "now"
        was = " It was deleted." if state.branch.is_deleted(collection, key) else ""
        raise NotFound(f"There is no {collection}/{key[:100]} {when}.{was}")

    def find_href(name: str, text: str) -> str | None:
        link: Link | None = views.find_link(name, text)
        return (
            None if link is None else href("playgrounds", place.id, "documents", c=link.collection, k=link.key, at=at)
        )

    side = None
    content = content_of(state.branch, views, collection, key)
    if content is not None:
        body, kind = content
        query = urlencode({"c": collection, "k": key, "at": at})
        address = href("playgrounds", place.id, "content")
        side = Side(
            {}, shown_parts(views, kind, body), len(body), kind, f"{address}?{query}", pages=(address, f"?{query}")
        )
    return {
        "title": title_of(views, collection, document),
        "version": document.version,
        "parts": () if document.is_binary else shown_parts(views, "application/json", document.json),
        "side": side,
        "find_href": find_href,
    }


async def show_state(request: web.Request, session: Session) -> web.Response:
    """GET /ui/playgrounds/{id}/state: what differs from `from` (`seed`, or an event) to `at` (an event, else now)."""
    place = await find_place(request, session, request.match_info["id"])
    begin, at = request.query.get("from", _SEED), request.query.get("at", "")
    before, after = await state_of(request, place, begin or _SEED), await state_of(request, place, at)
    found = await request.app[RUNS].states.differences(before, after)
    return render(
        request,
        session,
        "state.html",
        section="runs",
        **crumbs(place.run),
        place=place,
        base=place.href,
        begin=begin or _SEED,
        at=at,
        seq=after.seq,
        differences=found,
        titles=title_finder(views_of(request.app)),
        total=await history.last_seq(request.app[READER], place.id),
        baseline=place.task_run.baseline_seq if place.task_run is not None else None,
    )
