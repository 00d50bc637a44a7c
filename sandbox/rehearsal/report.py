"""What a rehearsal shows: the table, the failing checks, the JSON report, the summary of trials."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from sandbox.client.explaining import standing
from sandbox.client.models import Axis, CheckResult
from sandbox.clock import format_instant
from sandbox.definitions.baselines import IDLE, NONSENSE
from sandbox.rehearsal.runner import RunResult, TaskResult
from sandbox.rehearsal.stats import summarize
from sandbox.scoring.scores import DEFAULT_AXIS

VERDICT_STYLES: Final[Mapping[str | None, str]] = {"pass": "green", "partial": "yellow", "fail": "red"}


def report_of(result: RunResult) -> dict[str, Any]:
    """Return the JSON report of one run.

    `axes` and `checks` are as the API answered them; `duration_s` is in seconds; `calls` is null
    where nobody could count them.
    """
    return {
        "benchmark": result.benchmark,
        "benchmark_run_id": result.benchmark_run_id,
        "agent": result.agent,
        "score": result.score,
        "verdict": result.verdict,
        "started_at": format_instant(result.started_at) if result.started_at else None,
        "completed_at": format_instant(result.completed_at) if result.completed_at else None,
        "figures": result.figures,
        "task_runs": [
            {
                "id": task.id,
                "key": task.key,
                "name": task.name,
                "verdict": task.verdict,
                "score": task.score,
                "axes": {name: {"score": axis.score, "weight": axis.weight} for name, axis in task.axes.items()},
                "failed_required": list(task.failed_required),
                "checks": [dict(check.raw) for check in task.checks],
                "tags": list(task.tags),
                "baseline": task.baseline,
                "calls": task.calls,
                "duration_s": task.duration_s,
            }
            for task in result.task_runs
        ],
    }


def print_result(console: Console, result: RunResult) -> None:
    """Print one run: the table, then under it whatever did not pass and why."""
    table = Table(title=f"{escape(result.benchmark)} · {escape(result.agent)}", title_justify="left")
    table.add_column("task", overflow="fold")
    table.add_column("verdict")
    table.add_column("score", justify="right")
    table.add_column("axes", overflow="fold")
    table.add_column("calls", justify="right")
    table.add_column("time", justify="right")
    for task in result.task_runs:
        table.add_row(
            escape(task.key),
            format_verdict(task.verdict),
            format_score(task.score),
            escape(format_axes(task.axes)),
            "-" if task.calls is None else str(task.calls),
            f"{task.duration_s:.2f} s",
        )
    console.print(table)
    for task in result.task_runs:
        _print_failures(console, task)
    for line in figure_lines(result.figures):
        console.print(line, highlight=False, markup=False, style="dim")
    passed = sum(task.is_pass for task in result.task_runs)
    verdict, score = format_verdict(result.verdict), format_score(result.score)
    console.print(
        f"{verdict} {score} · {passed} of {len(result.task_runs)} tasks passed · {escape(result.benchmark_run_id)}",
        highlight=False,
    )


def figure_lines(figures: Mapping[str, Any] | None) -> list[str]:
    """Write a run's numbers (`scoring/figures.py`): what nothing earns and the lift over it, then tags and axes.

    Of a run with one task the groups say nothing more.

    >>> group = {"tasks": 2, "passed": 1, "score": 0.75, "idle": 0.05, "nonsense": None}
    >>> figure_lines({**group, "tags": {"intake": group}, "axes": {}})
    ['idle 0.05, nonsense - · lift over idle 0.70', 'by tag: intake 0.75, 1 of 2 passed, idle 0.05, nonsense -']
    """
    if not figures:
        return []
    lines = []
    if _is_known(figures):
        lift = figures["score"] - figures[IDLE] if figures[IDLE] is not None else None
        lines.append(f"{_baseline(figures)} · lift over idle {format_score(lift)}")
    for groups, said in (("tags", "by tag"), ("axes", "by axis")):
        named = {name: group for name, group in figures[groups].items() if name != DEFAULT_AXIS}
        if named and figures["tasks"] > 1:
            lines.append(f"{said}: {'; '.join(_group_line(name, group) for name, group in named.items())}")
    return lines


def _group_line(name: str, group: Mapping[str, Any]) -> str:
    told = f"{name} {format_score(group['score'])}, {group['passed']} of {group['tasks']} passed"
    return f"{told}, {_baseline(group)}" if _is_known(group) else told


def _is_known(group: Mapping[str, Any]) -> bool:
    return group[IDLE] is not None or group[NONSENSE] is not None


def _baseline(group: Mapping[str, Any]) -> str:
    return f"idle {format_score(group[IDLE])}, nonsense {format_score(group[NONSENSE])}"


def _print_failures(console: Console, task: TaskResult) -> None:
    failed = [check for check in task.checks if not check.passed]
    if task.failure is None and not failed:
        return
    console.print(f"[bold]{escape(task.key)}[/bold]", highlight=False)
    for line in (task.failure or "").splitlines():
        console.print(Padding(f"[red]{escape(line)}[/red]", (0, 0, 0, 2), expand=False), highlight=False)
    for check in failed:
        _print_check(console, check)


def _print_check(console: Console, check: CheckResult) -> None:
    said = check.required or check.axis not in (None, DEFAULT_AXIS)
    counts = f" ({escape(standing(check))})" if said else ""
    console.print(Padding(f"[red]✗[/red] {escape(check.label)}{counts}", (0, 0, 0, 2), expand=False), highlight=False)
    if check.details:
        console.print(Padding(escape(check.details), (0, 0, 0, 4), expand=False), highlight=False, style="dim")


def print_summary(console: Console, results: Sequence[RunResult]) -> None:
    """Print one line per benchmark over its trials: how often it passed, how steady the score is."""
    table = Table(title="summary", title_justify="left")
    table.add_column("benchmark", overflow="fold")
    for name in ("runs", "passed", "tasks", "mean score", "idle", "nonsense", "deviation", "lowest", "unsteady tasks"):
        table.add_column(name, justify="right")
    for summary in summarize(results):
        table.add_row(
            escape(summary.benchmark),
            str(summary.runs),
            str(summary.passed),
            f"{summary.pass_rate:.0%}",
            format_score(summary.mean_score),
            format_score(summary.idle),
            format_score(summary.nonsense),
            format_score(summary.deviation),
            format_score(summary.lowest_score),
            escape(", ".join(summary.unsteady_tasks)) or "-",
        )
    console.print(table)


def format_verdict(verdict: str | None) -> str:
    """Return a verdict in its colour; a run without one shows a dash."""
    style = VERDICT_STYLES.get(verdict)
    return f"[{style}]{verdict}[/{style}]" if style else escape(verdict or "-")


def format_score(score: float | None) -> str:
    """Write a score with two decimals, cut rather than rounded, so that only a full one shows 1.00.

    >>> format_score(1.0), format_score(0.999), format_score(0.666667), format_score(None)
    ('1.00', '0.99', '0.66', '-')
    """
    return "-" if score is None else f"{math.floor(score * 100 + 1e-9) / 100:.2f}"


def format_axes(axes: Mapping[str, Axis]) -> str:
    """Write axis scores in one line; a single unnamed axis says nothing the score does not.

    >>> format_axes({"correctness": Axis(1.0, 2), "safety": Axis(0.5, 1)})
    'correctness 1.00, safety 0.50'
    """
    named = {name: axis for name, axis in axes.items() if name != DEFAULT_AXIS or len(axes) > 1}
    shown = {("other" if name == DEFAULT_AXIS else name): axis for name, axis in named.items()}
    return ", ".join(f"{name} {format_score(axis.score)}" for name, axis in shown.items())
