"""Objects as the API shows them: every documented field, in the documented order."""

from collections.abc import Iterable, Mapping

from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.catalog import CREATED, Catalog, LlmModel
from sandbox.llm_tasks.engines.fault import FaultEngine
from sandbox.llm_tasks.tasks.entities import (
    ORGANIZATION_ID,
    ORGANIZATION_NAME,
    Project,
    ReportingGroup,
    Revision,
    Tag,
    Task,
)
from sandbox.llm_tasks.tasks.store import Store


def show_organization() -> Json:
    """Return the one organization."""
    return {
        "id": ORGANIZATION_ID,
        "name": ORGANIZATION_NAME,
        "avatar_url": None,
        "created": CREATED,
        "modified": CREATED,
    }


def show_project(project: Project) -> Json:
    """Return a project."""
    return {
        "id": project.id,
        "name": project.name,
        "org_id": ORGANIZATION_ID,
        "avatar_url": None,
        "public_routing_key": project.public_routing_key,
        "created": project.created,
        "modified": None,
    }


def show_task(
    task: Task,
    store: Store,
    catalog: Catalog,
    access_token: str | None,
    *,
    include_tests: bool = False,
    revision_tag_id: str | None = None,
) -> Json:
    """Return a task with its revisions, newest first; test revisions only when asked for."""
    shown = [
        r
        for r in task.revisions
        if (include_tests or not r.is_test) and (revision_tag_id is None or revision_tag_id in r.tags)
    ]
    return {
        "id": task.id,
        "project_id": task.project_id,
        "name": task.name,
        "description": task.description,
        "enabled": task.enabled,
        "public": task.public,
        "exposed_to_agents": task.exposed_to_agents,
        "shared_with_project": False,
        "output_modality": task.output_modality,
        "task_run_visibility": task.task_run_visibility,
        "created": task.created,
        "modified": task.modified,
        "deleted": task.deleted,
        "revisions": [show_revision(r, task, store, catalog) for r in shown],
        "active_revisions": [{"task_revision_id": s.task_revision_id, "weight": s.weight} for s in task.active],
        "access_token": access_token,
        "cloned_from_task_revision_id": None,
        "tags": show_tags(task.tags, store),
    }


def show_revision(revision: Revision, task: Task, store: Store, catalog: Catalog) -> Json:
    """Return a revision with its model embedded."""
    values = revision.values
    fallback = values["fallback_llm_model_id"]
    return {
        "id": revision.id,
        "created": revision.created,
        "modified": revision.modified,
        "active": task.is_active(revision.id),
        **values,
        "image_required": values["file_input_mode"] == "image",
        "output_modality": task.output_modality,
        "input_params": revision.input_params,
        "llm_model": show_model(values["llm_model_id"], catalog),
        "fallback_llm_model": show_model(fallback, catalog) if fallback is not None else None,
        "tags": show_tags(revision.tags, store),
    }


def show_model(model_id: str, catalog: Catalog) -> Json:
    """Return a model; one that is no longer configured is shown as retired."""
    model = catalog.get(model_id)
    return model.to_json() if model is not None else _retired(model_id)


def _retired(model_id: str) -> Json:
    gone = LlmModel("not-configured", "Not configured", "Unknown", "This model is not configured here.", FaultEngine())
    return {**gone.to_json(), "id": model_id, "retired": CREATED}


def show_tags(tag_ids: Iterable[str], store: Store) -> list[Json]:
    """Return the tags that exist."""
    return [show_tag(store.tags[tag_id], store) for tag_id in tag_ids if tag_id in store.tags]


def show_tag(tag: Tag, store: Store) -> dict[str, Json]:
    """Return a tag with the tags below it."""
    return {
        "id": tag.id,
        "name": tag.name,
        "description": tag.description,
        "parent_id": tag.parent_id,
        "entity_type": tag.entity_type,
        "project_id": tag.project_id,
        "created_at": tag.created_at,
        "children": [show_tag(child, store) for child in store.tags.values() if child.parent_id == tag.id],
        "is_project_tag": True,
        "is_global_tag": False,
        "tagged_entities": list(tag.tagged),
    }


def show_group(group: ReportingGroup) -> Json:
    """Return a reporting group."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "metadata": group.metadata,
        "project_id": group.project_id,
        "created": group.created,
        "modified": None,
    }


def show_run(body: Mapping[str, Json], project_id: str) -> dict[str, Json]:
    """Return a stored run with the download addresses of its files."""
    root = f"/org/{ORGANIZATION_ID}/project/{project_id}/task/{body['task_id']}/run/{body['id']}/file/"
    files = [{**file, "download_url": root + file["stored_filename"]} for file in body["files"]]
    response = body["response"]
    name = f"{body['output_modality']}_name"
    if isinstance(response, dict) and not body["is_error"] and body["output_modality"] != "json" and name in response:
        response = {**response, "download_url": root + response[name]}
    return {**body, "files": files, "response": response}
