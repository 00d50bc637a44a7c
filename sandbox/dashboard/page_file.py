"""A run as one page to pass on: what the dashboard shows of it, in a file that asks for nothing and needs no script.

The page has a size that people send: bodies are cut to share it, and what was left out is said where it was. All of
them are in the other formats (`record/export/`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import jinja2
from markupsafe import Markup

from sandbox.clock import SystemClock, format_instant, parse_instant
from sandbox.dashboard.calls import Call, EventView, Side, call_of, event_view, title_finder
from sandbox.dashboard.criteria import criterion_views
from sandbox.dashboard.history import last_seq
from sandbox.dashboard.task_runs import asked_of
from sandbox.dashboard.templating import clip, create_environment, format_at, stylesheet
from sandbox.definitions.library import Library, Shelf
from sandbox.errors import SandboxError
from sandbox.limits import KIB
from sandbox.playground.branch import Branch
from sandbox.playground.events import Event, Request, Response
from sandbox.playground.playground import NullRecorder
from sandbox.record.export.formats import Format
from sandbox.record.export.source import RunRecord, RunSource, TaskRecord
from sandbox.runs.recovery import Archive
from sandbox.runs.registry import Registry
from sandbox.scoring.states.differences import Differences, differences
from sandbox.simulators.showing import PLAIN, Body, FormBody, SegmentsBody, TextBody, Views

CALLS_BYTES: Final = 4_200 * KIB
SIDE_CHARS_MAX: Final = 24_000
SIDE_CHARS_MIN: Final = 300
CALLS_OPENED: Final = 2_000
CALLS_LISTED: Final = 10_000
# A body that is longer is shown as the text that it begins with, whatever it is.
READ_BYTES: Final = 256 * KIB
_FRAME_CHARS: Final = 1_400  # of a call, around its bodies
_NOTICE_CHARS: Final = 60  # of what is said of a body that is cut, so that this is not cut in turn
_FIELD_CHARS: Final = 48  # around a field of a message
_CUT: Final = "…"
_TEMPLATES: Final = ("head", "task", "call", "task_end", "tail")


def html_format(registry: Registry) -> Format:
    """Return the format `html`, which shows bodies as the simulators of a registry say."""
    return Format("html", "html", "text/html; charset=utf-8", partial(_write, registry))


@dataclass(frozen=True, slots=True)
class _Task:
    """A task run as the templates take it."""

    id: str
    key: str
    name: str
    phase: str
    status: str
    verdict: str | None
    score: float | None
    axes: Mapping[str, Any]
    failed_required: tuple[str, ...]
    output: Any
    notes: str | None
    started_at: datetime | None
    completed_at: datetime | None


def _task(task: TaskRecord) -> _Task:
    raw = task.task_run
    return _Task(
        raw["id"],
        task.key,
        raw["name"] or task.key,
        raw["phase"],
        raw["status"],
        raw["verdict"],
        raw["score"],
        raw["axes"] or {},
        tuple(raw["failed_required"] or ()),
        raw["output"],
        raw["notes"],
        _instant(raw["started_at"]),
        _instant(raw["completed_at"]),
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


async def _write(registry: Registry, source: RunSource, record: RunRecord, url: str) -> AsyncIterator[bytes]:
    """Yield the page."""
    by_surface = {simulator.surface: simulator.views for simulator in registry.simulators}
    counts = [await last_seq(source.reader, task.task_run["playground_id"]) for task in record.tasks]
    find_views = partial(_find_views, by_surface)
    page = await asyncio.to_thread(_Page, sum(counts), find_views)  # reading templates takes a while
    archive = Archive(source.reader, registry, Shelf(Library()), SystemClock(), NullRecorder(), b"")
    yield page.head(record)
    for task, count in zip(record.tasks, counts, strict=True):
        yield page.task(record, task, await _changed(archive, registry, task), count)
        begin = None
        async for recorded in source.events(task):
            begin = begin or recorded.event.at
            piece = page.call(task, recorded.event, begin)
            if piece is None:
                break
            yield piece
        yield page.task_end(count)
    yield page.tail()


def _find_views(by_surface: Mapping[str, Views], surface: str) -> Views:
    return by_surface.get(surface, PLAIN)


async def _changed(archive: Archive, registry: Registry, task: TaskRecord) -> Differences | str:
    """Return what differs from the seed at the task run's end, or why it cannot be told."""
    playground_id = task.task_run["playground_id"]
    try:
        seed = Branch((await archive.timelines.of(playground_id)).seed)
        folded = await archive.fold(playground_id)
        return await asyncio.to_thread(differences, seed, folded.branch, registry.comparer.bookkeeping)
    except SandboxError as error:
        return error.message


class _Page:
    """One page being written, and how much of it each call may take."""

    def __init__(self, calls: int, views_of: Callable[[str], Views]) -> None:
        self._views_of = views_of
        self._opened = self._listed = 0
        self._share = CALLS_BYTES // max(1, min(calls, CALLS_OPENED))
        chars = (self._share - _FRAME_CHARS) // 2
        self._side_chars = max(SIDE_CHARS_MIN, min(SIDE_CHARS_MAX, chars))
        environment = _environment(self._side_chars)
        self._templates = {name: environment.get_template(f"file/{name}.html") for name in _TEMPLATES}

    def head(self, record: RunRecord) -> bytes:
        """Return what stands above the first task run."""
        tasks = [(_task(task), criterion_views(task.criterion_runs)) for task in record.tasks]
        return self._render(
            "head",
            run=record.run,
            reference=record.benchmark,
            tasks=tasks,
            css=Markup(stylesheet()),
            written_at=format_instant(SystemClock().now()),
        )

    def task(self, record: RunRecord, task: TaskRecord, changed: Differences | str, count: int) -> bytes:
        """Return a task run down to the head of its timeline."""
        snapshot = task.task_run["snapshot"] or {}
        return self._render(
            "task",
            run=record.run,
            task_run=_task(task),
            asked=asked_of(snapshot.get("task_item")),
            criteria=criterion_views(task.criterion_runs),
            defined=snapshot.get("criteria") or (),
            differences=None if isinstance(changed, str) else changed,
            no_differences=changed if isinstance(changed, str) else "",
            count=count,
            titles=title_finder(self._views_of),
            now=None,
        )

    def call(self, task: TaskRecord, event: Event, begin: datetime) -> bytes | None:
        """Return a call, opened as far as there is room; None where no more are listed."""
        if self._listed >= CALLS_LISTED:
            return None
        self._listed += 1
        if self._opened < CALLS_OPENED:
            self._opened += 1
            for chars in (self._side_chars, SIDE_CHARS_MIN):
                view = _shortened(event, event_view(_read(event), begin, self._views_of), chars)
                piece = self._render("call", call=view.call, view=view, task_run_id=task.task_run["id"])
                if len(piece) <= self._share:
                    return piece
        return self._listed_only(task, call_of(event, begin))

    def _listed_only(self, task: TaskRecord, call: Call) -> bytes:
        return self._render("call", call=call, view=None, task_run_id=task.task_run["id"])

    def task_end(self, count: int) -> bytes:
        """Return what stands below a timeline."""
        return self._render("task_end", is_cut=self._listed >= CALLS_LISTED, count=count, listed=CALLS_LISTED)

    def tail(self) -> bytes:
        """Return what stands below the last task run."""
        return self._render("tail", is_cut=self._opened >= CALLS_OPENED)

    def _render(self, template: str, **context: Any) -> bytes:
        found = self._templates[template].render(base=None, find_href=None, **context)
        return found.encode("utf-8", "replace")


def _environment(side_chars: int) -> jinja2.Environment:
    """Return the dashboard's templates, whose filters cut bodies to what each call may take.

    Times are written out: the page is read some day.
    """
    environment = create_environment()
    environment.globals["side_chars"] = side_chars
    environment.filters.update(
        clip=lambda text, length=side_chars: clip(text, length),
        ago=lambda moment, now: format_at(moment),
    )
    return environment


def _read(event: Event) -> Event:
    """Return an event whose bodies are short enough to be read; a longer one is left out here and begun below."""
    return replace(event, request=_without(event.request), response=_without(event.response))


def _without(message: Any) -> Any:
    return message if message is None or len(message.body) <= READ_BYTES else replace(message, body=b"")


def _shortened(event: Event, view: EventView, chars: int) -> EventView:
    query = tuple((name, clip(text, chars // 4)) for name, text in view.query[:20])
    request, response = _side(event.request, view.request, chars), _side(event.response, view.response, chars)
    return replace(view, query=query, request=request, response=response)


def _side(message: Request | Response | None, side: Side | None, chars: int) -> Side | None:
    if message is None or side is None:
        return None
    size = len(message.body)
    if size > READ_BYTES:
        begun = message.body[: chars - _NOTICE_CHARS].decode(errors="replace")
        parts: tuple[Body, ...] = (TextBody(f"{begun}{_CUT} (cut here; {size:,} bytes)"),)
    else:
        parts = tuple(part for found in side.parts for part in _part(found, chars))
    headers = {name: clip(value, 200) for name, value in side.headers.items()}
    return replace(side, parts=parts, headers=headers, size=size)


def _part(part: Body, chars: int) -> tuple[Body, ...]:
    """Return a part with about so many characters of markup; JSON and text are cut where they are written."""
    if isinstance(part, SegmentsBody):
        kept = 0
        for segment in part.segments:
            chars -= sum(len(text) + _FIELD_CHARS for _, text in segment.fields) + _FIELD_CHARS
            if chars < 0:
                break
            kept += 1
        left_out = len(part.segments) - kept
        notice = (TextBody(f"{_CUT} {left_out:,} more segments are not shown"),) if left_out else ()
        return (replace(part, segments=part.segments[:kept]), *notice)
    if isinstance(part, FormBody):
        return (FormBody(tuple((name, clip(text, chars // 4)) for name, text in part.fields[:20])),)
    if isinstance(part, TextBody):
        return (TextBody(clip(part.text, chars - _NOTICE_CHARS)),)
    return (part,)
