"""Runs that were stored: one, pages of them, their files, and what they add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sandbox import jsonio
from sandbox.clock import format_micros
from sandbox.errors import NotFound
from sandbox.jsonio import Json
from sandbox.llm_tasks.errors import ValidationFailed, not_found
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.record.reader import Reader

_RECENT: Final = 5


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are meant. Without a task those of deleted tasks are left out."""

    project_id: str
    task_id: str | None = None
    task_revision_id: str | None = None
    is_error: bool | None = None
    start: datetime | None = None
    end: datetime | None = None

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
        if self.task_id is None:
            clauses.append("task_id NOT IN (SELECT id FROM llm_tasks WHERE deleted IS NOT NULL)")
        return " AND ".join(clauses), values


class History:
    """Reads what runs left behind."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def run(self, project_id: str, task_id: str, run_id: str) -> Json:
        """Return a run of a task of a project. Raises `NotFound`."""
        row = await self._reader.row(
            "SELECT body FROM llm_runs WHERE id = ? AND task_id = ? AND project_id = ?", run_id, task_id, project_id
        )
        if row is None:
            raise not_found("task run", run_id)
        return jsonio.parse(row["body"])

    async def page(self, wanted: RunFilter, cursor: str | None, limit: int) -> tuple[list[Json], str | None]:
        """Return a page, newest first, and the cursor of the next: the id of this page's last run.

        Raises `ValidationFailed` for a cursor that names no run of the list.
        """
        where, values = wanted.where()
        if cursor is not None:
            row = await self._reader.row(
                "SELECT created, id FROM llm_runs WHERE id = ? AND project_id = ?", cursor, wanted.project_id
            )
            if row is None:
                raise ValidationFailed.at(["query", "cursor"], "The cursor names no run of this list.")
            where += " AND (created, id) < (?, ?)"
            values += [row["created"], row["id"]]
        rows = await self._reader.rows(
            f"SELECT id, body FROM llm_runs WHERE {where} ORDER BY created DESC, id DESC LIMIT ?", *values, limit + 1
        )
        shown = rows[:limit]
        following = shown[-1]["id"] if len(rows) > limit else None
        return [jsonio.parse(row["body"]) for row in shown], following

    async def recent(self, project_id: str, names: dict[str, str]) -> list[Json]:
        """Return the newest runs of every task that has any."""
        rows = await self._reader.rows(
            "SELECT task_id, body FROM (SELECT task_id, body, created, id, ROW_NUMBER() OVER "
            "(PARTITION BY task_id ORDER BY created DESC, id DESC) AS n FROM llm_runs WHERE project_id = ?) "
            "WHERE n <= ? ORDER BY created DESC, id DESC",
            project_id,
            _RECENT,
        )
        by_task: dict[str, list[Json]] = {}
        for row in rows:
            if row["task_id"] in names:
                by_task.setdefault(row["task_id"], []).append(jsonio.parse(row["body"]))
        return [{"task_id": t, "task_name": names[t], "recent_runs": runs} for t, runs in by_task.items()]

    async def file(self, project_id: str, task_id: str, run_id: str, name: str) -> RunFile:
        """Return a file by its stored name. Raises `NotFound`."""
        row = await self._reader.row(
            "SELECT f.*, b.body FROM llm_run_files f JOIN llm_runs r ON r.id = f.run_id "
            "JOIN blobs b ON b.sha256 = f.sha256 "
            "WHERE f.run_id = ? AND f.stored_filename = ? AND r.task_id = ? AND r.project_id = ?",
            run_id,
            name,
            task_id,
            project_id,
        )
        if row is None:
            raise NotFound(f"The run {run_id} has no file {name[:100]}.")
        return RunFile(row["original_filename"], name, row["content_type"], bytes(row["body"]))

    async def rows(self, wanted: RunFilter, select: str, group: str) -> Sequence[Any]:
        """Return aggregates of the runs that are meant; `select` and `group` are SQL of this package."""
        where, values = wanted.where()
        return await self._reader.rows(f"SELECT {select} FROM llm_runs WHERE {where} {group}", *values)
