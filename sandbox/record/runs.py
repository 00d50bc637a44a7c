"""Recorded runs as the API shows them: rows of runs, task runs and criterion runs to JSON."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from sandbox import jsonio
from sandbox.record.reader import Reader


class RunRows:
    """The runs of one record. What they were made from is read once for all runs of one definition."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._bodies: dict[str, Mapping[str, Any]] = {}

    async def newest(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the newest runs, each with its task runs."""
        rows = await self._reader.rows(
            "SELECT * FROM benchmark_runs ORDER BY created_at DESC, id DESC LIMIT ?", -1 if limit is None else limit
        )
        return [await self._run(row) for row in rows]

    async def run(self, benchmark_run_id: str) -> dict[str, Any] | None:
        """Return one run with its task runs, in the benchmark's order; None when there is none."""
        row = await self._reader.row("SELECT * FROM benchmark_runs WHERE id = ?", benchmark_run_id)
        return None if row is None else await self._run(row)

    async def run_of_playground(self, playground_id: str) -> dict[str, Any] | None:
        """Return the run that a playground belongs to; None when it belongs to none."""
        sql = "SELECT benchmark_run_id FROM task_runs WHERE playground_id = ?"
        row = await self._reader.row(sql, playground_id)
        return None if row is None else await self.run(row["benchmark_run_id"])

    async def criterion_runs(self, task_run_id: str) -> list[dict[str, Any]]:
        """Return a task run's present criterion runs, in the order of its criteria."""
        rows = await self._reader.rows(
            "SELECT * FROM criterion_runs WHERE task_run_id = ? AND superseded_at IS NULL ORDER BY position",
            task_run_id,
        )
        return [
            {
                **_columns(row, "position", "superseded_at"),
                "passed": bool(row["passed"]),
                "required": bool(row["required"]),
                **_parsed(row, "evidence"),
            }
            for row in rows
        ]

    async def _run(self, row: sqlite3.Row) -> dict[str, Any]:
        definition = (await self.frozen(row["definition_hash"])).get("definition") or {}
        return {
            **_columns(row, "token_hash", "token_expires_at", "organization_id"),
            "scored": bool(row["scored"]),
            "benchmark": {"slug": row["slug"], "version": str(row["version"]), "name": definition.get("name")},
            "task_runs": await self._task_runs(row, definition),
        }

    async def _task_runs(self, run: sqlite3.Row, definition: Mapping[str, Any]) -> list[dict[str, Any]]:
        tasks = {task.get("key"): task for task in definition.get("tasks") or ()}
        rows = await self._reader.rows(
            "SELECT * FROM task_runs WHERE benchmark_run_id = ? ORDER BY position", run["id"]
        )
        return [
            {
                **_columns(row, "position"),
                **_parsed(row, "axes", "failed_required", "output"),
                "name": tasks.get(row["key"], {}).get("name"),
                "snapshot": tasks.get(row["key"]),
            }
            for row in rows
        ]

    async def frozen(self, digest: str) -> Mapping[str, Any]:
        """Return what a run was made from, by its hash; nothing where that is not kept."""
        if digest not in self._bodies:
            row = await self._reader.row("SELECT body FROM definitions WHERE hash = ?", digest)
            self._bodies[digest] = jsonio.parse(row["body"]) if row is not None else {}
        return self._bodies[digest]


def _columns(row: sqlite3.Row, *hidden: str) -> dict[str, Any]:
    return {name: row[name] for name in row.keys() if name not in hidden}  # noqa: SIM118 -- a Row iterates values


def _parsed(row: sqlite3.Row, *names: str) -> dict[str, Any]:
    return {name: None if row[name] is None else jsonio.parse(row[name]) for name in names}
