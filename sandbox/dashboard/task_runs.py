"""Page: a task run, why it went as it did, and its timeline."""

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from sandbox.api.context import READER
from sandbox.api.representations import snapshot
from sandbox.dashboard import history
from sandbox.dashboard.access import Session
from sandbox.dashboard.calls import BESIDE
from sandbox.dashboard.history import CallPage, Wanted
from sandbox.dashboard.places import crumbs, find_task_run, settle_record, views_of
from sandbox.dashboard.runs import criteria_of
from sandbox.dashboard.shell import href, render
from sandbox.errors import Gone

_INSTRUCTIONS: Final = ("instruction", "instructions", "prompt", "description")


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


async def read_calls(
    app: web.Application, playground_id: str, surfaces: tuple[str, ...], wanted: Wanted
) -> tuple[CallPage, str]:
    """Return a page of a playground's timeline, or an empty one and why it is."""
    await settle_record(app, playground_id)
    try:
        return await history.read_page(app[READER], playground_id, wanted, surfaces, views_of(app)), ""
    except Gone as error:
        return CallPage((), None, 0, 0, surfaces), error.message


async def show_task_run(request: web.Request, session: Session) -> web.Response:
    """GET /ui/task-runs/{id}: why it went as it did, then every call."""
    run, task_run = await find_task_run(request, session, request.match_info["id"])
    wanted = Wanted.read(request.query)
    surfaces = (*(sandbox.surface for sandbox in task_run.sandboxes), *BESIDE)
    calls, pruned = await read_calls(request.app, task_run.playground_id, surfaces, wanted)
    return render(
        request,
        session,
        "task_run.html",
        section="runs",
        **crumbs(run),
        task_run=task_run,
        asked=asked_of(task_run.task.task_item),
        criteria=await criteria_of(request, task_run),
        defined=snapshot(run, task_run)["criteria"],
        calls=calls,
        pruned=pruned,
        wanted=wanted,
        here_base=href("task-runs", task_run.id),
        base=href("playgrounds", task_run.playground_id),
        page_calls=history.PAGE_CALLS,
        is_live=not task_run.is_over and not wanted.text and calls.is_end,
    )
