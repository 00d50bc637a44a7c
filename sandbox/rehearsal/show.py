"""How recorded runs are shown: the list, and one run with its criteria and its timeline."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from sandbox import jsonio
from sandbox.client.models import BenchmarkRun, CriterionRun, TaskRun
from sandbox.clock import format_instant
from sandbox.rehearsal.records import RunRecord, TaskRecord, name_of
from sandbox.rehearsal.report import figure_lines, format_axes, format_score, format_verdict
from sandbox.rehearsal.timeline import format_duration, print_timeline

NO_RUNS: Final = "No run has been recorded {where} yet. Make one:\n\n  sandbox rehearse mock@1"
_VALUE_SHOWN: Final = 80
_CHANGES_SHOWN: Final = 3
# What every write changes says nothing.
_META_PATHS: Final = frozenset({"meta.versionId", "meta.lastUpdated"})
# Whatever a check calls its list of comparisons.
_RESULT_KEYS: Final = ("field_results", "assertion_results", "phrase_results")


def print_runs(console: Console, runs: Sequence[BenchmarkRun], where: str) -> None:
    """Print the runs as a table, or how to make the first one."""
    if not runs:
        console.print(NO_RUNS.format(where=where), highlight=False, markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("id", no_wrap=True)
    for name in ("benchmark", "agent", "verdict"):
        table.add_column(name, overflow="fold")
    for name in ("score", "tasks", "started", "duration"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        table.add_row(
            escape(run.id),
            escape(str(run.benchmark or run.benchmark_id or "-")),
            escape(run.agent or "-"),
            # A run without a verdict goes on or was cancelled, which is then what matters.
            format_verdict(run.verdict or run.status),
            format_score(run.score),
            _task_count(run),
            _moment(run.started_at)[:16],
            _duration(run.started_at, run.completed_at),
        )
    console.print(table)


def print_run(console: Console, record: RunRecord, *, has_bodies: bool = False) -> None:
    """Print one run: its head, then every task with its criteria and its timeline, on request with what was sent."""
    run = record.run
    console.print(
        f"[bold]{escape(str(run.benchmark or run.benchmark_id or run.id))}[/bold] · {escape(run.agent or 'no agent')}"
        f" · {format_verdict(run.verdict)} {format_score(run.score)} · {escape(run.status or '-')}",
        highlight=False,
    )
    started, took = _moment(run.started_at), _duration(run.started_at, run.completed_at)
    console.print(f"{escape(run.id)} · started {started} · took {took}", highlight=False, style="dim")
    for line in figure_lines(run.figures):
        console.print(line, highlight=False, markup=False, style="dim")
    for task in record.tasks:
        _print_task(console, task, has_bodies)


def run_to_json(record: RunRecord) -> dict[str, Any]:
    """Return everything `show` knows as JSON: the API's own objects, nested."""
    return {
        **{name: value for name, value in record.run.raw.items() if name not in ("bearer_token", "task_runs")},
        "task_runs": [
            {
                **task.task_run.raw,
                "criterion_runs": [dict(run.raw) for run in task.criterion_runs],
                "events": [dict(event.raw) for event in task.events],
            }
            for task in record.tasks
        ],
    }


def _print_task(console: Console, task: TaskRecord, has_bodies: bool) -> None:
    task_run = task.task_run
    console.print()
    parts = [f"[bold]{escape(name_of(task_run))}[/bold]"]
    if task_run.verdict is not None:
        parts.append(f"{format_verdict(task_run.verdict)} {format_score(task_run.score)}")
    parts += [escape(text) for text in (task_run.status or task_run.phase, format_axes(task_run.axes)) if text]
    if task_run.completed_at is not None and task_run.started_at is not None:
        parts.append(f"took {_duration(task_run.started_at, task_run.completed_at)}")
    console.print(" · ".join(parts), highlight=False)
    for criterion_run in sorted(task.criterion_runs, key=lambda run: (run.passed, run.score)):
        _print_criterion(console, task_run, criterion_run)
    if not task.criterion_runs:
        _indented(console, "no criteria were judged: the task was not completed", 2, "dim")
    if task.events:
        print_timeline(console, task.events, has_bodies=has_bodies)
    else:
        _indented(console, "nothing was done: no event was recorded", 2, "dim")


def _print_criterion(console: Console, task_run: TaskRun, run: CriterionRun) -> None:
    mark = "[green]✓[/green]" if run.passed else "[red]✗[/red]"
    label = run.label or label_of(task_run.snapshot, run.criterion_id)
    partly = "" if run.score in (0.0, 1.0) else f" [yellow]{format_score(run.score)}[/yellow]"
    required = " [dim](required)[/dim]" if run.required else ""
    console.print(Padding(f"{mark} {escape(label)}{required}{partly}", (0, 0, 0, 2), expand=False), highlight=False)
    if run.passed:
        return
    if run.details:
        _indented(console, run.details, 4, "dim")
    for line in evidence_lines(run.evidence):
        _indented(console, line, 4)


def label_of(snapshot: Mapping[str, Any] | None, criterion_id: str) -> str:
    """Return a criterion's label out of the frozen copy of its task, else its id.

    >>> label_of({"criteria": [{"id": "crit_1", "label": "Booked"}]}, "crit_1"), label_of(None, "crit_2")
    ('Booked', 'crit_2')
    """
    for criterion in (snapshot or {}).get("criteria") or ():
        if criterion.get("id") == criterion_id and criterion.get("label"):
            return str(criterion["label"])
    return criterion_id


def evidence_lines(evidence: Mapping[str, Any] | None) -> list[str]:
    """Write evidence for people: every failed comparison as expected against actual, then the rest.

    >>> evidence_lines({"field_results": [{"path": "status", "expected": "booked", "actual": None, "passed": False}]})
    ['status: expected "booked", found null']
    """
    lines = []
    for name, value in (evidence or {}).items():
        if name in _RESULT_KEYS:
            lines += [_comparison(item) for item in value if not item.get("passed", item.get("found"))]
        elif name == "unexpected_changes":
            lines += [line for change in value for line in _change_lines(change)]
        elif value not in (None, [], {}, "") and name not in ("total", "nearest"):  # details say the latter
            lines.append(f"{name}: {_short(value)}")
    return lines


def _change_lines(change: Mapping[str, Any]) -> list[str]:
    what, before, after = f"{change.get('collection')}/{change.get('key')}", change.get("before"), change.get("after")
    if before is None or after is None:
        return [f"{what}: {'created' if before is None else 'deleted'}"]
    found = [difference for difference in differences(before, after) if difference[0] not in _META_PATHS]
    lines = [f"{what}: {path} was {_short(old)}, is {_short(new)}" for path, old, new in found[:_CHANGES_SHOWN]]
    more = len(found) - _CHANGES_SHOWN
    return lines + ([f"{what}: and {more} more"] if more > 0 else [])


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield every place where two JSON values differ, as dotted path, old and new value.

    >>> list(differences({"a": [1, 2], "b": 1}, {"a": [1, 3, 4]}))
    [('a.1', 2, 3), ('a.2', None, 4), ('b', 1, None)]
    """
    pairs: list[tuple[str, Any, Any]]
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = dict.fromkeys((*before, *after))
        pairs = [(name, before.get(name), after.get(name)) for name in names]
    elif isinstance(before, list) and isinstance(after, list):
        pairs = [(str(i), old, new) for i, (old, new) in enumerate(zip_longest(before, after))]
    else:
        if before != after:
            yield path, before, after
        return
    for name, old, new in pairs:
        yield from differences(old, new, f"{path}.{name}" if path else name)


def _comparison(item: Mapping[str, Any]) -> str:
    if "phrase" in item:
        return f"phrase {_short(item['phrase'])}: not found"
    wanted = f"expected {_short(item['expected'])}"
    if "expected" not in item or item["expected"] is None:
        rules = {k: v for k, v in item.items() if k not in ("path", "expected", "actual", "passed")}
        wanted = f"expected {_short(rules)}" if rules else "expected null"
    return f"{item.get('path')}: {wanted}, found {_short(item.get('actual'))}"


def _indented(console: Console, text: str, by: int, style: str = "") -> None:
    console.print(Padding(escape(text), (0, 0, 0, by), expand=False), highlight=False, style=style)


def _short(value: Any) -> str:
    text = jsonio.dump(value).decode()
    return text if len(text) <= _VALUE_SHOWN else text[: _VALUE_SHOWN - 1] + "…"


def _moment(moment: datetime | None) -> str:
    return "-" if moment is None else format_instant(moment)[:19].replace("T", " ")


def _duration(begin: datetime | None, end: datetime | None) -> str:
    return "-" if begin is None or end is None else format_duration((end - begin).total_seconds() * 1000)


def _task_count(run: BenchmarkRun) -> str:
    if not run.task_runs:
        return str(run.raw.get("task_count") or "-")
    passed = sum(task_run.verdict == "pass" for task_run in run.task_runs)
    return f"{passed}/{len(run.task_runs)}"
