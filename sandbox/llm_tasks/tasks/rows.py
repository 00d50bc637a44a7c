"""The statements that keep tasks, revisions, tags and groups: one row each, `store` reads them back."""

from collections.abc import Mapping
from typing import Any

from sandbox import ids, jsonio
from sandbox.llm_tasks.tasks.entities import PROJECT_ID, Project, ReportingGroup, Revision, Tag, Task
from sandbox.record.writer import Statement

_TASK_FIELDS = (
    "name description enabled public exposed_to_agents output_modality task_run_visibility modified tags".split()
)


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
