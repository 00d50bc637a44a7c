"""Page: two runs of a benchmark side by side; what flipped first, then where two task runs part."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from sandbox import jsonio
from sandbox.api.context import READER, REGISTRY, RUNS
from sandbox.dashboard.access import Session
from sandbox.dashboard.calls import Call, call_of, title_finder
from sandbox.dashboard.criteria import CriterionView
from sandbox.dashboard.places import find_task_run, settle_record, views_of
from sandbox.dashboard.runs import criteria_of, find_run
from sandbox.dashboard.shell import render
from sandbox.errors import Gone, Malformed, SandboxError
from sandbox.playground.events import Event
from sandbox.record.reader import Reader
from sandbox.runs.models import BenchmarkRun, TaskRun
from sandbox.scoring.matching import is_agents
from sandbox.scoring.states.tokens import tokens_of

_CALLS_COMPARED: Final = 2_000
_BEFORE: Final = 2
_TASKS: Final = 100
_FLIPS: Final = 80


@dataclass(frozen=True, slots=True)
class Pair:
    """A criterion of both runs; None where one of them was not judged by it."""

    label: str
    a: CriterionView | None
    b: CriterionView | None

    @property
    def is_flipped(self) -> bool:
        """Whether it passed in one and failed in the other."""
        return self.a is not None and self.b is not None and self.a.passed != self.b.passed

    @property
    def is_changed(self) -> bool:
        """Whether it did not come to the same."""
        return self.a is None or self.b is None or (self.a.passed, self.a.score) != (self.b.passed, self.b.score)


def pairs_of(a: list[CriterionView], b: list[CriterionView]) -> list[Pair]:
    """Put two task runs' criteria beside each other by label: flipped ones first, then those that changed."""
    by_label = {c.label: c for c in b}
    seen = {c.label for c in a}
    found = [Pair(c.label, c, by_label.get(c.label)) for c in a]
    found += [Pair(c.label, None, c) for c in b if c.label not in seen]
    return sorted(found, key=lambda pair: (not pair.is_flipped, not pair.is_changed))


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two agents part: the first call that is not the same, None where one had no more, and those before it.

    `common` is how many calls they had in common. `is_answer`: they asked the same, and were answered otherwise.
    """

    common: int
    before: tuple[tuple[Call, Call], ...]
    a: Call | None
    b: Call | None
    is_answer: bool
    is_cut: bool

    @property
    def is_same(self) -> bool:
        """Whether they never part."""
        return self.a is None and self.b is None and not self.is_cut


def said(event: Event, minted: tuple[str, ...]) -> tuple[str, str]:
    """Return what a call asked and how it was answered, less what no two runs share: minted ids and times."""
    request, response = event.request, event.response
    asked = event.type
    if request is not None:
        asked = f"{request.method} {request.path}?{request.raw_query}\n{_canonical(request.body)}"
    answered = "" if response is None else str(response.status)
    return _plain(asked, minted), answered


def _canonical(body: bytes) -> str:
    try:
        return jsonio.canonical(jsonio.parse(body)).decode()
    except SandboxError:
        return body.decode("utf-8", "replace")


def _plain(text: str, minted: tuple[str, ...]) -> str:
    """Write ids in the order in which they come, so that two texts that name the same things alike are the same."""
    names: dict[str, str] = {}
    parts = []
    for token in tokens_of(text, minted):
        if token.kind == "id":
            parts.append(names.setdefault(token.text, f"<id {len(names)}>"))
        else:
            parts.append(token.text)
    return "".join(parts)


async def find_parting(reader: Reader, a: TaskRun, b: TaskRun, minted: tuple[str, ...]) -> Parting:
    """Return where two task runs part. Raises `Gone` where the events of one were pruned."""
    one, other = _agents_calls(reader, a), _agents_calls(reader, b)
    before: list[tuple[Call, Call]] = []
    for common in range(_CALLS_COMPARED):
        left, right = await anext(one, None), await anext(other, None)
        if left is None or right is None:
            return Parting(common, tuple(before), left and left[1], right and right[1], False, False)
        (asked_a, answer_a), (asked_b, answer_b) = said(left[0], minted), said(right[0], minted)
        if asked_a != asked_b or answer_a != answer_b:
            return Parting(common, tuple(before), left[1], right[1], asked_a == asked_b, False)
        before = [*before, (left[1], right[1])][-_BEFORE:]
    return Parting(_CALLS_COMPARED, tuple(before), None, None, False, True)


async def _agents_calls(reader: Reader, task_run: TaskRun) -> AsyncIterator[tuple[Event, Call]]:
    begin = None
    async for event in reader.events(task_run.playground_id):
        begin = begin or event.at
        if is_agents(event):
            yield event, call_of(event, begin)


async def show_comparison(request: web.Request, session: Session) -> web.Response:
    """GET /ui/compare: two runs `a` and `b`, or two task runs; also twice `run`, as they are chosen in a list."""
    chosen = request.query.getall("run", [])
    if chosen and len(chosen) != 2:
        raise Malformed(f"Choose two runs to compare; {len(chosen)} were chosen. Go back, and choose again.")
    # A list has the newest first; the older one is what the other is held against.
    a, b = reversed(chosen) if chosen else (request.query.get(name, "").strip() for name in "ab")
    if not a or not b:
        raise Malformed("Choose two runs to compare, in the list of runs or on the page of one: ?a=<run>&b=<run>.")
    if a.startswith("tr_") and b.startswith("tr_"):
        return await _compare_task_runs(request, session, a, b)
    one, other = await find_run(request, session, a), await find_run(request, session, b)
    rows = [await _row(request, t, u) for t, u in _tasks(one, other)]
    flips = [(row, pair) for row in rows for pair in row["pairs"] if pair.is_flipped]
    shown = rows if len(rows) <= _TASKS else [row for row in rows if _is_changed(row)][:_TASKS]
    return render(
        request,
        session,
        "compare.html",
        section="runs",
        a=one,
        b=other,
        rows=shown,
        rows_left_out=len(rows) - len(shown),
        flips=flips[:_FLIPS],
        flips_left_out=len(flips[_FLIPS:]),
    )


def _is_changed(row: dict[str, Any]) -> bool:
    a, b = row["a"], row["b"]
    return a is None or b is None or (a.verdict, a.score) != (b.verdict, b.score)


def _tasks(a: BenchmarkRun, b: BenchmarkRun) -> Iterator[tuple[TaskRun | None, TaskRun | None]]:
    """Yield the task runs of both runs by task."""
    by_key = {t.task.key: t for t in b.task_runs}
    for t in a.task_runs:
        yield t, by_key.pop(t.task.key, None)
    for u in by_key.values():
        yield None, u


async def _row(request: web.Request, a: TaskRun | None, b: TaskRun | None) -> dict[str, Any]:
    criteria = [await criteria_of(request, t) if t is not None else [] for t in (a, b)]
    task_run = a or b
    assert task_run is not None
    return {"a": a, "b": b, "task": task_run.task, "pairs": pairs_of(*criteria)}


async def _compare_task_runs(request: web.Request, session: Session, a: str, b: str) -> web.Response:
    (run_a, one), (run_b, other) = await find_task_run(request, session, a), await find_task_run(request, session, b)
    row = await _row(request, one, other)
    app = request.app
    for task_run in (one, other):
        await settle_record(app, task_run.playground_id)
    parting, gone = None, ""
    sides: list[dict[str, Any]] = []
    try:
        parting = await find_parting(app[READER], one, other, app[REGISTRY].comparer.minted)
        for run, task_run in ((run_a, one), (run_b, other)):
            states = app[RUNS].states
            before, after = await states.seed_of(task_run.playground_id), await states.at(task_run.playground_id)
            found = await states.differences(before, after)
            sides.append({"run": run, "task_run": task_run, "differences": found})
    except Gone as error:
        gone = error.message
    return render(
        request,
        session,
        "compare_tasks.html",
        section="runs",
        sides=sides,
        parting=parting,
        gone=gone,
        titles=title_finder(views_of(app)),
        run_a=run_a,
        run_b=run_b,
        **row,
    )
