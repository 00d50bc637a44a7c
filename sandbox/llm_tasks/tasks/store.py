"""The task API's objects in memory and the statements that keep them.

Tasks, revisions, tags and groups are few and read by every run, so they are loaded once; runs and
files stay on disk. Definitions on disk are laid over the stored tasks of the default project.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sandbox import ids, jsonio
from sandbox.llm_tasks.tasks.entities import PROJECT_ID, Project, ReportingGroup, Revision, Share, Tag, Task
from sandbox.record.reader import Reader
from sandbox.record.writer import Statement

_TASK_FIELDS = (
    "name description enabled public exposed_to_agents output_modality task_run_visibility modified tags".split()
)


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


def insert_project(project: Project, organization_id: str) -> Statement:
    """Return the insert of a project."""
    return (
        "INSERT OR IGNORE INTO llm_projects (id, organization_id, body, created) VALUES (?, ?, ?, ?)",
        (project.id, organization_id, _text({"name": project.name}), project.created),
    )


def save_task(task: Task) -> Statement:
    """Return the insert or update of a task without its revisions."""
    body: dict[str, Any] = {name: getattr(task, name) for name in _TASK_FIELDS}
    body["active_revisions"] = [{"task_revision_id": s.task_revision_id, "weight": s.weight} for s in task.active]
    return (
        "INSERT INTO llm_tasks (id, project_id, body, created, deleted) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET body = excluded.body, deleted = excluded.deleted",
        (task.id, task.project_id, _text(body), task.created, task.deleted),
    )


def save_revision(revision: Revision, position: int) -> Statement:
    """Return the insert or update of a revision; `position` counts from the oldest."""
    body = {"values": revision.values, "tags": revision.tags, "modified": revision.modified}
    return (
        "INSERT INTO llm_revisions (id, task_id, position, body, created) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        (revision.id, revision.task_id, position, _text(body), revision.created),
    )


def save_tag(tag: Tag) -> Statement:
    """Return the insert or update of a tag."""
    body = {
        "entity_type": tag.entity_type,
        "name": tag.name,
        "description": tag.description,
        "parent_id": tag.parent_id,
        "tagged": tag.tagged,
    }
    return _save_object(tag.id, tag.project_id, "tag", body, tag.created_at)


def save_group(group: ReportingGroup) -> Statement:
    """Return the insert of a reporting group."""
    body = {"name": group.name, "description": group.description, "metadata": group.metadata}
    return _save_object(group.id, group.project_id, "reporting_group", body, group.created)


def delete_object(object_id: str) -> Statement:
    """Return the delete of a tag or group."""
    return ("DELETE FROM llm_objects WHERE id = ?", (object_id,))


def _save_object(key: str, project_id: str, kind: str, body: Mapping[str, Any], created: str) -> Statement:
    return (
        "INSERT INTO llm_objects (id, project_id, kind, body, created) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        (key, project_id, kind, _text(body), created),
    )


def _text(value: Mapping[str, Any]) -> str:
    return jsonio.dump(dict(value)).decode()


def default_project(created: str) -> Project:
    """Return the project that every server has."""
    return Project(PROJECT_ID, "Local project", created)


def new_project(name: str, created: str) -> Project:
    """Return a further project."""
    return Project(ids.new_uuid(), name, created)
