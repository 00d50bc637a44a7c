"""Projects, tasks and revisions: what may be done with them.

Changes happen in memory in one step and are stored as one unit of work; a caller is answered when
that unit is on disk. Must not know HTTP.
"""

from collections.abc import Sequence
from typing import Any, Final

from sandbox import ids, limits
from sandbox.clock import Clock, format_micros
from sandbox.definitions.library import Shelf
from sandbox.errors import TooLarge
from sandbox.llm_tasks.engines.catalog import Catalog
from sandbox.llm_tasks.errors import RuleBroken, ValidationFailed, not_found
from sandbox.llm_tasks.input_processors import Processors
from sandbox.llm_tasks.server_links import StartedTaskRun
from sandbox.llm_tasks.tasks import rows
from sandbox.llm_tasks.tasks.entities import ORGANIZATION_ID, PROJECT_ID, Project, Revision, Share, Tag, Task
from sandbox.llm_tasks.tasks.fields import RevisionFields
from sandbox.llm_tasks.tasks.from_files import tasks_of
from sandbox.llm_tasks.tasks.labels import Labels
from sandbox.llm_tasks.tasks.models import TaskCreate, TaskUpdate
from sandbox.llm_tasks.tasks.next_revision import check_shares, makes_revision, values_of
from sandbox.llm_tasks.tasks.revision_rules import revision_problems
from sandbox.llm_tasks.tasks.store import OWNER, Store
from sandbox.record.reader import Reader
from sandbox.record.writer import Statement, Writer

_PLAIN: Final = "name enabled public exposed_to_agents task_run_visibility".split()


class TaskService:
    """Projects, tasks and revisions, and how they change."""

    def __init__(
        self,
        store: Store,
        labels: Labels,
        catalog: Catalog,
        processors: Processors,
        shelf: Shelf,
        writer: Writer,
        clock: Clock,
    ) -> None:
        self._store = store
        self._labels = labels
        self._catalog = catalog
        self._processors = processors
        self._shelf = shelf
        self._writer = writer
        self._clock = clock

    async def open(self, reader: Reader) -> None:
        """Load what is stored, make the default project, and follow the definitions on disk."""
        await self._store.load(reader)
        if PROJECT_ID not in self._store.projects:
            await self._add_project(rows.default_project(self._now_text()))
        self._lay_over()
        self._shelf.subscribe(self._lay_over)

    def _lay_over(self) -> None:
        benchmarks = self._shelf.library.benchmarks.values()
        self._store.lay_over(t for b in benchmarks for t in tasks_of(b.definition, self._catalog))

    def _now_text(self) -> str:
        return format_micros(self._clock.now())

    # -- projects and tasks ----------------------------------------------------------------------

    def project(self, project_id: str) -> Project:
        """Return a project. Raises `NotFound`."""
        project = self._store.projects.get(project_id)
        if project is None:
            raise not_found("project", project_id)
        return project

    async def create_project(self, name: str) -> Project:
        """Make a project."""
        return await self._add_project(rows.new_project(name, self._now_text()))

    async def _add_project(self, project: Project) -> Project:
        before = self._store.remember()
        self._store.projects[project.id] = project
        await self._writer.write([rows.insert_project(project, ORGANIZATION_ID)], owners=(OWNER,), undo=before)
        return project

    def task(self, project_id: str, task_id: str, started: Sequence[StartedTaskRun] = ()) -> Task:
        """Return a task; within a started task run as its run's frozen definition has it. Raises `NotFound`."""
        for task_run in started if project_id == PROJECT_ID else ():
            for task in tasks_of(task_run.definition, self._catalog):
                if task.id == task_id:
                    return task
        found = self._store.find(project_id, task_id)
        if found is None:
            raise not_found("task", task_id)
        return found

    def tasks(self, project_id: str, *, name: str | None = None, tag_id: str | None = None) -> list[Task]:
        """Return a project's tasks, newest first."""
        found = [
            task
            for task in self._store.tasks(project_id)
            if (name is None or name.lower() in task.name.lower()) and (tag_id is None or tag_id in task.tags)
        ]
        return sorted(found, key=lambda task: (task.created, task.id), reverse=True)

    async def create_task(self, project_id: str, body: TaskCreate) -> Task:
        """Make a task with one revision, live at once. Raises `RuleBroken`, `ValidationFailed`, `NotFound`."""
        if body.test:
            raise RuleBroken("TEST_REVISION_ON_CREATE", "A new task needs a live revision; leave test out.")
        self._check_name(project_id, body.name, None)
        values = values_of(body)
        self._check_revision(values, body.output_modality)
        tags = self._labels.check_tags(project_id, body.tags, "task")
        revision_tags = self._labels.check_tags(project_id, body.revision_tags, "task_revision")
        now = self._now_text()
        task = Task(
            ids.new_uuid(),
            project_id,
            body.name,
            body.description,
            body.enabled,
            body.public,
            body.exposed_to_agents,
            body.output_modality,
            body.task_run_visibility,
            now,
        )
        revision = Revision(ids.new_uuid(), task.id, now, values)
        task.revisions = [revision]
        task.active = (Share(revision.id, 1.0),)
        before = self._store.remember(*self._store.tags.values())
        self._store.add(task)
        statements = [
            *self._labels.put_on(task.id, task.tags, tags),
            *self._labels.put_on(revision.id, revision.tags, revision_tags),
        ]
        statements = [rows.save_task(task), rows.save_revision(revision, 0), *statements]
        await self._writer.write(statements, owners=(OWNER,), undo=before)
        return task

    async def update_task(self, task: Task, body: TaskUpdate) -> Revision | None:
        """Change a task; return the new revision when a field of a revision was given.

        Everything is checked before anything changes. Raises `ReadOnly`, `RuleBroken`, `ValidationFailed`,
        `NotFound`.
        """
        task.check_writable()
        if body.name is not None:
            self._check_name(task.project_id, body.name, task)
        if body.output_modality not in (None, task.output_modality):
            message = f"The output modality of a task is fixed; this one's is {task.output_modality}."
            raise RuleBroken("OUTPUT_MODALITY_FIXED", message)
        values = self._next_values(task, body)
        tags = self._labels.check_tags(task.project_id, body.tags, "task")
        revision_tags = self._labels.check_tags(task.project_id, body.revision_tags, "task_revision")
        shares = None
        if body.active_revisions is not None:
            asked = [Share(t.task_revision_id, t.weight) for t in body.active_revisions]
            shares = check_shares(task, asked)
        return await self._apply(task, body, values, tags, revision_tags, shares)

    def _next_values(self, task: Task, body: RevisionFields) -> dict[str, Any] | None:
        if not makes_revision(body):
            return None
        if len(task.revisions) >= limits.LLM_REVISIONS_PER_TASK:
            raise TooLarge(f"The task has its {limits.LLM_REVISIONS_PER_TASK} revisions; make a new task.")
        base = next((r for r in task.revisions if not r.is_test), task.revisions[0])
        values = values_of(body, base.values)
        self._check_revision(values, task.output_modality)
        return values

    async def _apply(
        self,
        task: Task,
        body: TaskUpdate,
        values: dict[str, Any] | None,
        tags: list[Tag] | None,
        revision_tags: list[Tag] | None,
        shares: tuple[Share, ...] | None,
    ) -> Revision | None:
        now = self._now_text()
        before = self._store.remember(task, task.revisions[0], *self._store.tags.values())
        for name in _PLAIN:
            if getattr(body, name) is not None:
                setattr(task, name, getattr(body, name))
        if "description" in body.model_fields_set:
            task.description = body.description
        if shares is not None:
            task.active = shares
        task.modified = now
        statements: list[Statement] = []
        revision = None
        if values is not None:
            revision = Revision(ids.new_uuid(), task.id, now, values)
            task.revisions.insert(0, revision)
        if tags is not None:
            statements += self._labels.put_on(task.id, task.tags, tags)
        if revision_tags is not None:
            target = revision or task.revisions[0]
            statements += self._labels.put_on(target.id, target.tags, revision_tags)
            if revision is None:
                statements.append(rows.save_revision(target, len(task.revisions) - 1))
        if revision is not None:
            statements.append(rows.save_revision(revision, len(task.revisions) - 1))
        await self._writer.write([rows.save_task(task), *statements], owners=(OWNER,), undo=before)
        return revision

    async def delete_task(self, task: Task) -> None:
        """Delete a task; its runs stay on record. Raises `ReadOnly`."""
        task.check_writable()
        before = self._store.remember(task)
        task.deleted = self._now_text()
        await self._writer.write([rows.save_task(task)], owners=(OWNER,), undo=before)

    # -- checks ----------------------------------------------------------------------------------

    def _check_name(self, project_id: str, name: str, own: Task | None) -> None:
        for task in self._store.tasks(project_id):
            if task.name.lower() == name.lower() and task is not own:
                raise RuleBroken("duplicate_task_name", f"The project has a task named {task.name} already.")

    def _check_revision(self, values: dict[str, Any], modality: str) -> None:
        for name in ("llm_model_id", "fallback_llm_model_id"):
            if values[name] is not None and self._catalog.get(values[name]) is None:
                raise RuleBroken("UNKNOWN_MODEL", f"{name}: there is no model {values[name]}; list the models.")
        for name in ("system_prompt", "user_prompt"):
            if len(values[name]) > limits.LLM_PROMPT_CHARS:
                message = f"is longer than {limits.LLM_PROMPT_CHARS} characters"
                raise ValidationFailed.at(["body", name], message, "string_too_long")
        problems = revision_problems(values, modality, self._catalog, self._processors)
        if problems:
            raise ValidationFailed(
                [
                    {"loc": ["body", *path], "msg": f"{path[-1]} {message}", "type": "value_error"}
                    for path, message in problems
                ]
            )
