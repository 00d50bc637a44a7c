"""Runs that were stored: one, pages of them, their files, and what they add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sandbox import jsonio
from sandbox.clock import format_micros
from sandbox.errors import Gone, NotFound
from sandbox.jsonio import Json
from sandbox.llm_tasks.errors import ValidationFailed, not_found
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.llm_tasks.run.task_run import OWNER
from sandbox.llm_tasks.server_links import TokenOwner
from sandbox.record.reader import Reader

_RECENT: Final = 5
_KEPT: Final = "pruned_at IS NULL"


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are meant. Without a task those of deleted tasks are left out."""

    project_id: str
    task_id: str | None = None
    task_revision_id: str | None = None
    is_error: bool | None = None
    start: datetime | None = None
    end: datetime | None = None
    owner: TokenOwner | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition and its values."""
        clauses, values = ["project_id = ?"], list[Any]([self.project_id])
        for column, value in (("task_id", self.task_id), ("task_revision_id", self.task_revision_id)):
            if value is not None:
                clauses.append(f"{column} = ?")
                values.append(value)
        if self.is_error is not None:
            clauses.append("is_error = ?")
            values.append(self.is_error)
        if self.start is not None:
            clauses.append("created >= ?")
            values.append(format_micros(self.start))
        if self.end is not None:
            clauses.append("created <= ?")
            values.append(format_micros(self.end))
        if self.owner is not None:
            clauses.append(_OWNED)
            values += _owned(self.owner)
        if self.task_id is None:
            clauses.append("task_id NOT IN (SELECT id FROM llm_tasks WHERE deleted IS NOT NULL)")
        return " AND ".join(clauses), values


# A run token's runs are no older than its benchmark run, which lets the index narrow the search.
_OWNED: Final = f"created >= ? AND json_extract(body, '$.{OWNER}') = ?"


def _owned(owner: TokenOwner) -> list[Any]:
    return [format_micros(owner.since), owner.benchmark_run_id]


def _body(text: str, owner: TokenOwner | None) -> Json:
    """Return a stored run as it is shown, None for one that is not the owner's."""
    body = jsonio.parse(text)
    made_by = body.pop(OWNER, None)
    return body if owner is None or made_by == owner.benchmark_run_id else None


class History:
    """Reads what runs left behind."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def run(self, project_id: str, task_id: str, run_id: str, owner: TokenOwner | None) -> Json:
        """Return a run of a task of a project, one of the owner's if there is one. Raises `NotFound`."""
        row = await self._reader.row(
            "SELECT body, pruned_at FROM llm_runs WHERE id = ? AND task_id = ? AND project_id = ?",
            run_id,
            task_id,
            project_id,
        )
        body = _body(row["body"], owner) if row is not None else None
        if row is None or body is None:
            raise not_found("task run", run_id)
        if row["pruned_at"] is not None:
            raise Gone(f"The task run {run_id} was pruned at {row['pruned_at']}; what it counts for is kept.")
        return body

    async def page(self, wanted: RunFilter, cursor: str | None, limit: int) -> tuple[list[Json], str | None]:
        """Return a page, newest first, and the cursor of the next: the id of this page's last run.

        Raises `ValidationFailed` for a cursor that names no run of the list.
        """
        where, values = wanted.where()
        if cursor is not None:
            row = await self._reader.row(
                "SELECT created, id, body FROM llm_runs WHERE id = ? AND project_id = ?", cursor, wanted.project_id
            )
            if row is None or _body(row["body"], wanted.owner) is None:
                raise ValidationFailed.at(["query", "cursor"], "The cursor names no run of this list.")
            where += " AND (created, id) < (?, ?)"
            values += [row["created"], row["id"]]
        rows = await self._reader.rows(
            f"SELECT id, body FROM llm_runs WHERE {where} AND {_KEPT} ORDER BY created DESC, id DESC LIMIT ?",
            *values,
            limit + 1,
        )
        shown = rows[:limit]
        following = shown[-1]["id"] if len(rows) > limit else None
        return [_body(row["body"], None) for row in shown], following

    async def recent(self, wanted: RunFilter, names: dict[str, str]) -> list[Json]:
        """Return the newest of the runs that are meant, of every task that has any."""
        where, values = wanted.where()
        rows = await self._reader.rows(
            "SELECT task_id, body FROM (SELECT task_id, body, created, id, ROW_NUMBER() OVER "
            f"(PARTITION BY task_id ORDER BY created DESC, id DESC) AS n FROM llm_runs WHERE {where} AND {_KEPT}) "
            "WHERE n <= ? ORDER BY created DESC, id DESC",
            *values,
            _RECENT,
        )
        by_task: dict[str, list[Json]] = {}
        for row in rows:
            if row["task_id"] in names:
                by_task.setdefault(row["task_id"], []).append(_body(row["body"], None))
        return [{"task_id": t, "task_name": names[t], "recent_runs": runs} for t, runs in by_task.items()]

    async def file(self, project_id: str, task_id: str, run_id: str, name: str, owner: TokenOwner | None) -> RunFile:
        """Return a file by its stored name, of a run of the owner's if there is one. Raises `NotFound`."""
        await self.run(project_id, task_id, run_id, owner)
        row = await self._reader.row(
            "SELECT f.* FROM llm_run_files f JOIN llm_runs r ON r.id = f.run_id "
            "WHERE f.run_id = ? AND f.stored_filename = ? AND r.task_id = ? AND r.project_id = ?",
            run_id,
            name,
            task_id,
            project_id,
        )
        if row is None:
            raise NotFound(f"The run {run_id} has no file {name[:100]}.")
        content = await self._reader.blob(row["sha256"])
        return RunFile(row["original_filename"], name, row["content_type"], content)

    async def rows(self, wanted: RunFilter, select: str, group: str) -> Sequence[Any]:
        """Return aggregates of the runs that are meant; `select` and `group` are SQL of this package."""
        where, values = wanted.where()
        return await self._reader.rows(f"SELECT {select} FROM llm_runs WHERE {where} {group}", *values)
