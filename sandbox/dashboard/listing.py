"""The list of runs: rows, filters, the trend of an agent's scores. Read from the record without reading whole runs."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sandbox.api.pagination import PageRequest, Position, paginate
from sandbox.clock import format_instant, parse_instant
from sandbox.dashboard.templating import format_score, word
from sandbox.errors import Malformed
from sandbox.record.reader import Reader

STATES: Final = ("pass", "partial", "fail", "active", "cancelled", "failed")
TREND_RUNS: Final = 60
_TRENDS: Final = 4
_TEXT_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """Which runs are listed; an empty one takes all."""

    benchmark: str = ""
    agent: str = ""
    state: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filters":
        """Read `benchmark` (`slug` or `slug@version`), `agent` and `state`. Raises `Malformed`."""
        found = cls(*(query.get(name, "").strip() for name in ("benchmark", "agent", "state")))
        if found.state and found.state not in STATES:
            raise Malformed(f"state is one of {', '.join(STATES)}.")
        if max(len(found.benchmark), len(found.agent)) > _TEXT_CHARS:
            raise Malformed(f"A filter may have {_TEXT_CHARS} characters.")
        return found

    @property
    def query(self) -> dict[str, str]:
        """The filters as they stand in a URL."""
        items = (("benchmark", self.benchmark), ("agent", self.agent), ("state", self.state))
        return {name: value for name, value in items if value}

    def where(self, organization_id: str) -> tuple[str, list[Any]]:
        """Return the condition on `benchmark_runs` and its values."""
        clauses, values = ["organization_id = ?"], [organization_id]
        if self.benchmark:
            slug, at, version = self.benchmark.partition("@")
            clauses.append("slug = ?")
            values.append(slug)
            if at:
                clauses.append("CAST(version AS TEXT) = ?")
                values.append(version)
        if self.agent:
            clauses.append("agent = ?")
            values.append(self.agent)
        if self.state in ("pass", "partial", "fail"):
            clauses.append("verdict = ?")
            values.append(self.state)
        elif self.state:
            clauses.append("status = ?")
            values.append(self.state)
        return " AND ".join(clauses), values


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the list. `cells` are its tasks: the verdict, and what is said of it when it is pointed at."""

    id: str
    benchmark: str
    agent: str | None
    status: str
    verdict: str | None
    score: float | None
    is_scored: bool
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    cells: tuple[tuple[str, str], ...] = field(default=())

    @property
    def duration_ms(self) -> float | None:
        """How long it took, or has taken so far as is stored; None before it started or while it goes on."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds() * 1000


def _row(row: sqlite3.Row, cells: Sequence[tuple[str, str]] = ()) -> RunRow:
    def moment(name: str) -> datetime | None:
        return parse_instant(row[name]) if row[name] else None

    return RunRow(
        row["id"],
        f"{row['slug']}@{row['version']}",
        row["agent"],
        row["status"],
        row["verdict"],
        row["score"],
        bool(row["scored"]),
        parse_instant(row["created_at"]),
        moment("started_at"),
        moment("completed_at"),
        tuple(cells),
    )


def cell(status: str, verdict: str | None, key: str, score: float | None) -> tuple[str, str]:
    """Return a task as a cell of a strip.

    >>> cell("completed", "fail", "book", 0.0), cell("active", None, "book", None)
    (('fail', 'book: fail 0.00'), ('none', 'book: active'))
    """
    kind = verdict if verdict is not None and status != "timed_out" else "none"
    scored = f" {format_score(score)}" if score is not None else ""
    return kind, f"{key}: {word(status, verdict)}{scored}"


async def list_runs(reader: Reader, organization_id: str, filters: Filters, page: PageRequest) -> Any:
    """Return a page of runs, newest first, in the envelope of lists: `data`, `_meta`, `next_cursor`."""
    where, values = filters.where(organization_id)

    async def fetch(after: Position | None, is_back: bool, limit: int) -> Sequence[RunRow]:
        rows = await reader.page("benchmark_runs", where, values, after=after, is_back=is_back, limit=limit)
        cells = await _cells(reader, [row["id"] for row in rows])
        return [_row(row, cells.get(row["id"], ())) for row in rows]

    return await paginate(page, fetch, lambda r: (format_instant(r.created_at), r.id), lambda r: r)


async def _cells(reader: Reader, run_ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    marks = ", ".join("?" * len(run_ids))
    rows = await reader.rows(
        f"SELECT benchmark_run_id, key, status, verdict, score FROM task_runs WHERE benchmark_run_id IN ({marks}) "
        "ORDER BY position",
        *run_ids,
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        one = cell(row["status"], row["verdict"], row["key"], row["score"])
        found.setdefault(row["benchmark_run_id"], []).append(one)
    return found


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be filtered by: what there are runs of."""

    benchmarks: tuple[str, ...]
    agents: tuple[str, ...]


async def choices(reader: Reader, organization_id: str) -> Choices:
    """Return the benchmarks and agents that there are runs of."""
    sql = "SELECT DISTINCT slug, version FROM benchmark_runs WHERE organization_id = ? ORDER BY slug, version"
    benchmarks = [f"{row['slug']}@{row['version']}" for row in await reader.rows(sql, organization_id)]
    sql = (
        "SELECT DISTINCT agent FROM benchmark_runs WHERE organization_id = ? AND agent IS NOT NULL ORDER BY agent "
        "LIMIT 200"
    )
    return Choices(tuple(benchmarks), tuple(row["agent"] for row in await reader.rows(sql, organization_id)))


@dataclass(frozen=True, slots=True)
class Trend:
    """Scores of one agent's finished runs of one benchmark, oldest first."""

    benchmark: str
    runs: tuple[RunRow, ...]

    @property
    def mean(self) -> float:
        """The mean score."""
        return sum(run.score or 0.0 for run in self.runs) / len(self.runs)


async def trends(reader: Reader, organization_id: str, filters: Filters) -> list[Trend]:
    """Return how an agent's scores went, by benchmark; nothing where no agent is asked for."""
    if not filters.agent:
        return []
    where, values = Filters(filters.benchmark, filters.agent).where(organization_id)
    rows = await reader.rows(
        f"SELECT * FROM benchmark_runs WHERE {where} AND score IS NOT NULL ORDER BY created_at DESC, id DESC LIMIT ?",
        *values,
        TREND_RUNS * _TRENDS,
    )
    by_benchmark: dict[str, list[RunRow]] = {}
    for row in rows:
        run = _row(row)
        runs = by_benchmark.setdefault(run.benchmark, [])
        if len(runs) < TREND_RUNS:
            runs.append(run)
    return [Trend(name, tuple(reversed(runs))) for name, runs in by_benchmark.items() if len(runs) > 1][:_TRENDS]
