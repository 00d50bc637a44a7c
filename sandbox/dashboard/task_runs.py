"""Pages: a task run with its timeline, an opened call, the bodies of a call."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from sandbox.api.context import READER, REGISTRY, RUNS, WRITER
from sandbox.api.representations import snapshot
from sandbox.dashboard import history
from sandbox.dashboard.access import Session
from sandbox.dashboard.calls import SCENARIO, EventView, ViewsOf, event_view, href_finder
from sandbox.dashboard.history import CallPage, Wanted
from sandbox.dashboard.runs import criteria_of
from sandbox.dashboard.shell import href, render
from sandbox.errors import Gone, NotFound
from sandbox.playground.events import Event
from sandbox.runs.models import BenchmarkRun, TaskRun
from sandbox.simulators.showing import PLAIN, Link, Views

_INSTRUCTIONS: Final = ("instruction", "instructions", "prompt", "description")


async def find_task_run(request: web.Request, session: Session, task_run_id: str) -> tuple[BenchmarkRun, TaskRun]:
    """Return a task run of the session's organization. Raises `NotFound`, `SetAside`."""
    run, task_run = await request.app[RUNS].find_task_run(task_run_id)
    if run.organization_id != session.principal.organization_id:
        raise NotFound(f"There is no task run {task_run_id[:100]}.")
    return run, task_run


def views_of(request: web.Request) -> ViewsOf:
    """Return what gives the views of a surface."""
    by_surface = {simulator.surface: simulator.views for simulator in request.app[REGISTRY].simulators}

    def find(surface: str) -> Views:
        return by_surface.get(surface, PLAIN)

    return find


@dataclass(frozen=True, slots=True)
class Asked:
    """What a task asked for: the sentence, and what came with it as JSON."""

    instruction: str
    rest: Any


def asked_of(task_item: Any) -> Asked:
    """Take a task's item apart, whatever its author called the instruction.

    >>> asked_of({"instruction": "Book it.", "patient": "ana"})
    Asked(instruction='Book it.', rest={'patient': 'ana'})
    >>> asked_of("Book it."), asked_of(None)
    (Asked(instruction='Book it.', rest=None), Asked(instruction='', rest=None))
    """
    if isinstance(task_item, str):
        return Asked(task_item, None)
    if isinstance(task_item, dict):
        for name in _INSTRUCTIONS:
            if isinstance(task_item.get(name), str):
                return Asked(task_item[name], {k: v for k, v in task_item.items() if k != name} or None)
    return Asked("", task_item)


def surfaces_of(task_run: TaskRun) -> tuple[str, ...]:
    """Return the surfaces that a task run's timeline can be filtered by."""
    return (*(sandbox.surface for sandbox in task_run.sandboxes), SCENARIO)


async def read_calls(request: web.Request, task_run: TaskRun, wanted: Wanted) -> tuple[CallPage, str]:
    """Return a page of a task run's timeline, or an empty one and why it is."""
    if request.app[WRITER].failure is None:
        await request.app[WRITER].flush((task_run.playground_id,))
    try:
        found = await history.read_page(request.app[READER], task_run.playground_id, wanted, surfaces_of(task_run))
        return found, ""
    except Gone as error:
        return CallPage((), None, 0, 0, surfaces_of(task_run)), error.message


async def show_task_run(request: web.Request, session: Session) -> web.Response:
    """GET /ui/task-runs/{id}: why it went as it did, then every call. `event` opens one of them."""
    run, task_run = await find_task_run(request, session, request.match_info["id"])
    wanted = Wanted.read(request.query)
    calls, pruned = await read_calls(request, task_run, wanted)
    criteria = await criteria_of(request, task_run)
    return render(
        request,
        session,
        "task_run.html",
        section="runs",
        run=run,
        task_run=task_run,
        reference=run.benchmark.definition.reference,
        asked=asked_of(task_run.task.task_item),
        criteria=criteria,
        defined=snapshot(run, task_run)["criteria"],
        calls=calls,
        pruned=pruned,
        wanted=wanted,
        base=href("task-runs", task_run.id),
        page_calls=history.PAGE_CALLS,
        is_live=not task_run.is_over and not wanted.text and calls.is_end,
    )


async def find_event(request: web.Request, session: Session) -> tuple[BenchmarkRun, TaskRun, Event, datetime]:
    """Return the event in the path, and when its timeline began. Raises `NotFound`, `Gone`."""
    run, task_run = await find_task_run(request, session, request.match_info["id"])
    if request.app[WRITER].failure is None:
        await request.app[WRITER].flush((task_run.playground_id,))
    seq = history.read_seq(request.match_info, "seq", 0)
    reader = request.app[READER]
    event = await history.read_event(reader, task_run.playground_id, seq)
    begin = await history.begin_of(reader, task_run.playground_id)
    if event is None or begin is None:
        raise NotFound(f"The timeline has no event {seq}.")
    return run, task_run, event, begin


def opened(request: web.Request, task_run: TaskRun, event: Event, begin: datetime) -> tuple[EventView, Any]:
    """Return an event as it is shown opened, and what finds where its texts lead."""
    root = href("task-runs", task_run.id, "events", event.seq)
    view = event_view(event, begin, views_of(request), root)

    def to_document(link: Link) -> str:
        return href("playgrounds", task_run.playground_id, "documents", c=link.collection, k=link.key, at=event.seq)

    return view, href_finder(view.views, to_document)


async def show_event(request: web.Request, session: Session) -> web.Response:
    """GET /ui/task-runs/{id}/events/{seq}: a call with request and answer side by side; `part` for the timeline."""
    run, task_run, event, begin = await find_event(request, session)
    view, find_href = opened(request, task_run, event, begin)
    total = await history.last_seq(request.app[READER], task_run.playground_id)
    return render(
        request,
        session,
        "parts/event.html" if "part" in request.query else "event.html",
        section="runs",
        run=run,
        task_run=task_run,
        reference=run.benchmark.definition.reference,
        view=view,
        find_href=find_href,
        total=total,
        base=href("task-runs", task_run.id),
    )
