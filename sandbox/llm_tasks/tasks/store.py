"""The task API's objects in memory, as `rows` keeps them on disk.

Tasks, revisions, tags and groups are few and read by every run, so they are loaded once; runs and
files stay on disk. Definitions on disk are laid over the stored tasks of the default project.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields as fields_of
from typing import Any, Final

from sandbox import jsonio
from sandbox.llm_tasks.tasks.entities import Project, ReportingGroup, Revision, Share, Tag, Task
from sandbox.record.reader import Reader

OWNER: Final = "llm-tasks"  # of every unit that changes the store: they refer to each other


class Store:
    """Everything but runs. Reads are synchronous; `load` fills it at start."""

    def __init__(self) -> None:
        self.projects: dict[str, Project] = {}
        self.tags: dict[str, Tag] = {}
        self.groups: dict[str, ReportingGroup] = {}
        self.ordinals: dict[str, int] = {}
        self._tasks: dict[str, Task] = {}
        self._defined: dict[str, Task] = {}

    async def load(self, reader: Reader) -> None:
        """Read what is stored."""
        for row in await reader.rows("SELECT * FROM llm_projects"):
            self.projects[row["id"]] = Project(row["id"], jsonio.parse(row["body"])["name"], row["created"])
        for row in await reader.rows("SELECT * FROM llm_tasks"):
            body = jsonio.parse(row["body"])
            active = tuple(Share(**share) for share in body.pop("active_revisions"))
            self._tasks[row["id"]] = Task(
                row["id"], row["project_id"], **body, active=active, created=row["created"], deleted=row["deleted"]
            )
        for row in await reader.rows("SELECT * FROM llm_revisions ORDER BY task_id, position DESC"):
            body = jsonio.parse(row["body"])
            revision = Revision(
                row["id"], row["task_id"], row["created"], body["values"], body["tags"], body["modified"]
            )
            self._tasks[row["task_id"]].revisions.append(revision)
        for row in await reader.rows("SELECT * FROM llm_objects"):
            body = jsonio.parse(row["body"])
            if row["kind"] == "tag":
                self.tags[row["id"]] = Tag(row["id"], row["project_id"], created_at=row["created"], **body)
            else:
                self.groups[row["id"]] = ReportingGroup(row["id"], row["project_id"], created=row["created"], **body)
        for row in await reader.rows("SELECT task_id, MAX(ordinal) AS last FROM llm_runs GROUP BY task_id"):
            self.ordinals[row["task_id"]] = row["last"]

    def remember(self, *entities: Task | Revision | Tag) -> Callable[[], None]:
        """Return what brings these back to how they are now, and which objects there are; for a change not stored."""
        tables: list[dict[str, Any]] = [self.projects, self.tags, self.groups, self._tasks]
        kept = [(table, dict(table)) for table in tables]
        fields = [(entity, _fields(entity)) for entity in entities]

        def restore() -> None:
            for table, before in kept:
                table.clear()
                table.update(before)
            for entity, values in fields:
                for name, value in values.items():
                    setattr(entity, name, value)

        return restore

    def lay_over(self, tasks: Iterable[Task]) -> None:
        """Replace the tasks that come from files."""
        self._defined = {task.id: task for task in tasks}

    def add(self, task: Task) -> None:
        """Take in a new task."""
        self._tasks[task.id] = task

    def find(self, project_id: str, task_id: str) -> Task | None:
        """Return a task of a project that is not deleted."""
        task = self._defined.get(task_id) or self._tasks.get(task_id)
        return task if task is not None and task.project_id == project_id and task.deleted is None else None

    def tasks(self, project_id: str) -> Iterator[Task]:
        """Yield the tasks of a project that are not deleted."""
        for task in (*self._tasks.values(), *self._defined.values()):
            if task.project_id == project_id and task.deleted is None:
                yield task

    def next_ordinal(self, task_id: str) -> int:
        """Count one more run of a task; counting from 1."""
        self.ordinals[task_id] = self.ordinals.get(task_id, 0) + 1
        return self.ordinals[task_id]

    def group_named(self, project_id: str, name: str) -> ReportingGroup | None:
        """Return a project's reporting group of that name."""
        return next((g for g in self.groups.values() if g.project_id == project_id and g.name == name), None)


def _fields(entity: Any) -> dict[str, Any]:
    """Return an entity's fields; lists, which are changed in place, as copies."""
    values = {field.name: getattr(entity, field.name) for field in fields_of(entity)}
    return {name: list(value) if isinstance(value, list) else value for name, value in values.items()}
