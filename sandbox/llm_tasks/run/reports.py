"""Token, credit, usage and timing reports: what a task's runs add up to, by revision and by time."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from sandbox.clock import format_micros
from sandbox.jsonio import Json
from sandbox.llm_tasks.run.stored_runs import History, RunFilter

# Test revisions are summed up under one name.
_REVISION: Final = "CASE WHEN is_test THEN 'test' ELSE task_revision_id END"
_BUCKETS: Final = {
    "hour": "substr(created, 1, 13) || ':00:00+00:00'",
    "day": "substr(created, 1, 10) || 'T00:00:00+00:00'",
    "week": "date(substr(created, 1, 10), 'weekday 0', '-6 days') || 'T00:00:00+00:00'",
}


def _range(wanted: RunFilter) -> Json:
    return {
        "start": format_micros(wanted.start) if wanted.start is not None else None,
        "end": format_micros(wanted.end) if wanted.end is not None else None,
    }


def _head(wanted: RunFilter) -> dict[str, Json]:
    head = {"task_id": wanted.task_id} if wanted.task_id is not None else {"project_id": wanted.project_id}
    return {**head, "date_range": _range(wanted)}


async def token_report(history: History, wanted: RunFilter, *, by_group: bool, groups: dict[str, str]) -> Json:
    """Return the tokens of every revision and in all."""
    rows = await history.rows(
        wanted,
        f"{_REVISION} AS revision, {_group(by_group)} AS grp, "
        "SUM(input_tokens) AS i, SUM(output_tokens) AS o, COUNT(*) AS n",
        "GROUP BY revision, grp ORDER BY revision, grp",
    )
    return {
        **_head(wanted),
        **_tokens(sum(r["i"] for r in rows), sum(r["o"] for r in rows), sum(r["n"] for r in rows)),
        "task_revisions": [{**_key(row, by_group, groups), **_tokens(row["i"], row["o"], row["n"])} for row in rows],
    }


def _tokens(given: int, answered: int, runs: int) -> dict[str, Json]:
    return {
        "total_input_tokens": given,
        "total_output_tokens": answered,
        "total_tokens": given + answered,
        "total_task_runs": runs,
    }


async def credit_report(history: History, wanted: RunFilter, *, by_group: bool, groups: dict[str, str]) -> Json:
    """Return the credits of every revision and in all."""
    rows = await history.rows(
        wanted,
        f"{_REVISION} AS revision, {_group(by_group)} AS grp, GROUP_CONCAT(charged_credits) AS credits, COUNT(*) AS n",
        "GROUP BY revision, grp ORDER BY revision, grp",
    )
    sums = [sum((Decimal(c) for c in (row["credits"] or "0").split(",")), Decimal("0.00")) for row in rows]
    return {
        **_head(wanted),
        "total_credits": str(sum(sums, Decimal("0.00"))),
        "total_task_runs": sum(row["n"] for row in rows),
        "task_revisions": [
            {**_key(row, by_group, groups), "total_credits": str(total), "total_task_runs": row["n"]}
            for row, total in zip(rows, sums, strict=True)
        ],
    }


async def usage_report(history: History, wanted: RunFilter, *, aggregation: str) -> Json:
    """Return how many runs there were in each day or week."""
    rows = await history.rows(
        wanted,
        f"{_REVISION} AS revision, {_BUCKETS[aggregation]} AS at, COUNT(*) AS n",
        "GROUP BY revision, at ORDER BY at",
    )
    status = {None: "ALL", True: "ERROR", False: "SUCCESS"}[wanted.is_error]
    return {
        **_head(wanted),
        "aggregation": aggregation,
        "status": status,
        "total_counts": _totals(rows),
        "task_revisions": [
            {"task_revision_id": revision, "data": {row["at"]: row["n"] for row in own}}
            for revision, own in _by_revision(rows)
        ],
    }


async def timing_report(history: History, wanted: RunFilter, *, aggregation: str) -> Json:
    """Return how long the model calls took in each hour or day."""
    rows = await history.rows(
        wanted,
        f"{_REVISION} AS revision, {_BUCKETS[aggregation]} AS at, AVG(llm_call_timing) AS t, COUNT(*) AS n",
        "GROUP BY revision, at ORDER BY at",
    )
    return {
        **_head(wanted),
        "aggregation": aggregation,
        "total_task_runs": _totals(rows),
        "task_revisions": [
            {
                "task_revision_id": revision,
                "data": {row["at"]: {"avg_llm_call_timing": row["t"], "total_task_runs": row["n"]} for row in own},
            }
            for revision, own in _by_revision(rows)
        ],
    }


def _group(by_group: bool) -> str:
    return "reporting_group_id" if by_group else "NULL"


def _key(row: Any, by_group: bool, groups: dict[str, str]) -> dict[str, Json]:
    key: dict[str, Json] = {"task_revision_id": row["revision"]}
    if by_group:
        key["reporting_group"] = groups.get(row["grp"], row["grp"])
    return key


def _totals(rows: Sequence[Any]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["at"]] = totals.get(row["at"], 0) + row["n"]
    return totals


def _by_revision(rows: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row["revision"], []).append(row)
    return list(found.items())
