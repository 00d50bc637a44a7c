"""What can be done to a playground by hand: fork it, move its clock, return to an event, end it, send it a request."""

from typing import Final

from aiohttp import web

from sandbox.api import by_hand
from sandbox.api.context import READER, RUNS
from sandbox.dashboard.access import Session
from sandbox.dashboard.history import read_seq
from sandbox.dashboard.places import Place, find_place
from sandbox.dashboard.shell import Form, href, see_other
from sandbox.errors import Invalid, Malformed
from sandbox.limits import FORK_LIFETIME_S

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


async def fork(request: web.Request, session: Session, form: Form) -> web.Response:
    """POST /ui/playgrounds/{id}/fork: go on from event `at` in a playground of one's own."""
    place = await find_place(request, session, request.match_info["id"])
    at = read_seq(form, "at", -1)
    row = await request.app[READER].row("SELECT * FROM playgrounds WHERE id = ?", place.id)
    assert row is not None
    made = await request.app[RUNS].forks.make(row, None if at < 0 else at, FORK_LIFETIME_S)
    return see_other(href("playgrounds", made.id))


async def advance_clock(request: web.Request, session: Session, form: Form) -> web.Response:
    """POST /ui/playgrounds/{id}/clock: move its clock on by `seconds`; what is due by then happens."""
    place = await find_place(request, session, request.match_info["id"])
    try:
        seconds = float(form.get("seconds", ""))
    except ValueError:
        raise Malformed("seconds must be a number.") from None
    if not 0 <= seconds < float("inf"):
        raise Invalid("seconds must be a number of at least 0; a clock does not go back.")
    await request.app[RUNS].moves.advance(place.id, seconds=seconds)
    return see_other(place.href)


async def restore(request: web.Request, session: Session, form: Form) -> web.Response:
    """POST /ui/playgrounds/{id}/restore: return to how it was after event `at`."""
    place = await find_place(request, session, request.match_info["id"])
    at = read_seq(form, "at", -1)
    if at < 0:
        raise Malformed("at must be the number of an event.")
    await request.app[RUNS].moves.restore(place.id, at)
    return see_other(place.href)


async def tear_down(request: web.Request, session: Session, form: Form) -> web.Response:
    """POST /ui/playgrounds/{id}/teardown: end it; it can be looked at still."""
    place = await find_place(request, session, request.match_info["id"])
    await request.app[RUNS].tear_down(place.id)
    return see_other(place.href)


async def send(request: web.Request, session: Session, form: Form) -> web.Response:
    """POST /ui/playgrounds/{id}/send: send `method`, `path`, `content_type` and `body`; then see the event."""
    place = await find_place(request, session, request.match_info["id"])
    method = form.get("method", "GET").upper()
    if method not in _METHODS:
        raise Malformed(f"method is one of {', '.join(_METHODS)}.")
    path = form.get("path", "").strip().lstrip("/")
    sandbox = next((s for s in place.sandboxes if s.surface == path.partition("?")[0].partition("/")[0]), None)
    if sandbox is None:
        raise Malformed(f"The path begins with a surface of this playground: {_surfaces(place)}.")
    # A form ends its lines as the network does; what was typed has plain ones.
    body = form.get("body", "").replace("\r\n", "\n").encode() if method not in ("GET", "HEAD") else b""
    headers = {}
    if body:
        headers["Content-Type"] = form.get("content_type", "").strip() or "application/json"
    outcome = await by_hand.send(request.app, sandbox.id, method, path, headers, body, request.host)
    return see_other(href("playgrounds", place.id, "events", outcome.event.seq))


def _surfaces(place: Place) -> str:
    return ", ".join(sandbox.surface for sandbox in place.sandboxes)
