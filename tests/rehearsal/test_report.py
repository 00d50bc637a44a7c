import io
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from sandbox.client.models import Axis, CheckResult
from sandbox.rehearsal.report import format_axes, format_score, format_verdict, print_result, print_summary, report_of
from sandbox.rehearsal.runner import RunResult, TaskResult
from sandbox.rehearsal.stats import summarize


def task(key: str = "a", **values: Any) -> TaskResult:
    given: dict[str, Any] = {
        "id": f"tr_{key}",
        "key": key,
        "name": f"Task {key}",
        "verdict": "pass",
        "score": 1.0,
        "axes": {},
        "checks": (),
        "calls": 3,
        "duration_s": 0.5,
    }
    return TaskResult(**(given | values))


def run(*tasks: TaskResult, **values: Any) -> RunResult:
    given: dict[str, Any] = {
        "benchmark": "mock@1",
        "benchmark_run_id": "br_1",
        "agent": "me",
        "score": 1.0,
        "verdict": "pass",
        "started_at": datetime(2026, 4, 20, 17, tzinfo=UTC),
        "completed_at": None,
        "task_runs": tasks,
    }
    return RunResult(**(given | values))


def printed(result: RunResult) -> str:
    stream = io.StringIO()
    print_result(Console(file=stream, width=120), result)
    return stream.getvalue()


def test_nothing_is_taken_for_markup() -> None:
    check = CheckResult("crun", "crit", "[bold]x", "[red]", 1, False, 0.0, "found [0] of [1]")
    shown = printed(run(task("[a]", failure="IndexError: [/red]", checks=(check,)), agent="[/x]"))
    for text in ("[a]", "IndexError: [/red]", "[bold]x ([red], weight 1)", "found [0] of [1]", "[/x]"):
        assert text in shown


def test_what_nobody_knows_is_a_dash() -> None:
    assert "│ -       │     - │" in printed(run(task(verdict=None, score=None, calls=None)))
    report = report_of(run(task(calls=None), started_at=None))
    assert (report["started_at"], report["completed_at"], report["task_runs"][0]["calls"]) == (None, None, None)


def test_a_scored_run_has_no_details_to_show() -> None:
    check = CheckResult("crun", "crit", "Booked", None, 1, False, 0.0)
    shown = printed(run(task(checks=(check,))))
    assert "✗ Booked\n" in shown
    assert "None" not in shown


def test_only_a_full_score_shows_as_one() -> None:
    assert [format_score(s) for s in (1.0, 0.9999, 0.9, 0.005, 0.29, 0.58)] == [
        "1.00",
        "0.99",
        "0.90",
        "0.00",
        "0.29",
        "0.58",
    ]
    assert format_verdict(None) == "-"
    assert format_verdict("cancelled") == "cancelled"


def test_axes_without_a_name() -> None:
    assert format_axes({"__default__": Axis(1.0, 1)}) == ""
    assert format_axes({"safety": Axis(1.0, 1), "__default__": Axis(0.5, 1)}) == "safety 1.00, other 0.50"


def test_a_run_passes_when_every_task_does_and_there_is_one() -> None:
    assert run(task("a"), task("b")).is_pass
    assert not run(task("a"), task("b", verdict="partial")).is_pass
    assert not run().is_pass


def test_trials_in_numbers() -> None:
    results = [
        run(task("a"), task("b"), score=1.0),
        run(task("a"), task("b", verdict="fail"), score=0.5),
        run(task("a", verdict="fail"), score=None, benchmark="other@1"),
    ]
    mock, other = summarize(results)
    assert (mock.benchmark, mock.runs, mock.passed, mock.mean_score, mock.deviation) == ("mock@1", 2, 1, 0.75, 0.25)
    assert (mock.lowest_score, mock.unsteady_tasks) == (0.5, ("b",))
    assert (other.runs, other.passed, other.mean_score, other.unsteady_tasks) == (1, 0, 0.0, ())
    stream = io.StringIO()
    print_summary(Console(file=stream, width=120), results)
    assert "0.75" in stream.getvalue()
