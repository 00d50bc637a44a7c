"""Tasks, revisions, tags and groups: what may be done with them.

Changes happen in memory in one step and are stored as one unit of work; a caller is answered when
that unit is on disk. Must not know HTTP.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from sandbox import ids, limits
from sandbox.clock import Clock, format_micros
from sandbox.definitions.library import Shelf
from sandbox.errors import NotFound, TooLarge
from sandbox.llm_tasks.engines.catalog import Catalog
from sandbox.llm_tasks.errors import ReadOnly, RuleBroken, ValidationFailed, not_found
from sandbox.llm_tasks.input_processors import Processors
from sandbox.llm_tasks.server_links import StartedTaskRun
from sandbox.llm_tasks.tasks import store as rows
from sandbox.llm_tasks.tasks.entities import (
    ORGANIZATION_ID,
    PROJECT_ID,
    Project,
    ReportingGroup,
    Revision,
    Share,
    Tag,
    Task,
)
from sandbox.llm_tasks.tasks.fields import (
    ReportingGroupCreate,
    RevisionFields,
    TagCreate,
    TagUpdate,
    TaskCreate,
    TaskUpdate,
)
from sandbox.llm_tasks.tasks.from_files import tasks_of
from sandbox.llm_tasks.tasks.next_revision import check_shares, makes_revision, values_of
from sandbox.llm_tasks.tasks.revision_rules import revision_problems
from sandbox.llm_tasks.tasks.store import Store
from sandbox.record.reader import Reader
from sandbox.record.writer import Statement, Writer

ENTITY_TYPES: Final = frozenset("task task_revision task_share skill task_agent_revision task_agent_share".split())
_PLAIN: Final = "name enabled public exposed_to_agents task_run_visibility".split()


class TaskService:
    """The task API's objects and how they change."""

    def __init__(self, catalog: Catalog, processors: Processors, shelf: Shelf, writer: Writer, clock: Clock) -> None:
        self.store = Store()
        self.catalog = catalog
        self._processors = processors
        self._shelf = shelf
        self._writer = writer
        self._clock = clock

    async def open(self, reader: Reader) -> None:
        """Load what is stored, make the default project, and follow the definitions on disk."""
        await self.store.load(reader)
        if PROJECT_ID not in self.store.projects:
            project = self.store.projects[PROJECT_ID] = rows.default_project(self.now_text())
            await self._writer.write([rows.insert_project(project, ORGANIZATION_ID)])
        self._lay_over()
        self._shelf.subscribe(self._lay_over)

    def _lay_over(self) -> None:
        benchmarks = self._shelf.library.benchmarks.values()
        self.store.lay_over(t for b in benchmarks for t in tasks_of(b.definition, self.catalog))

    def now_text(self) -> str:
        """Return the time as this API writes it."""
        return format_micros(self._clock.now())

    # -- projects and tasks ----------------------------------------------------------------------

    def project(self, project_id: str) -> Project:
        """Return a project. Raises `NotFound`."""
        project = self.store.projects.get(project_id)
        if project is None:
            raise not_found("project", project_id)
        return project

    async def create_project(self, name: str) -> Project:
        """Make a project."""
        project = rows.new_project(name, self.now_text())
        self.store.projects[project.id] = project
        await self._writer.write([rows.insert_project(project, ORGANIZATION_ID)])
        return project

    def task(self, project_id: str, task_id: str, started: Sequence[StartedTaskRun] = ()) -> Task:
        """Return a task; within a started task run as its run's frozen definition has it. Raises `NotFound`."""
        for task_run in started if project_id == PROJECT_ID else ():
            for task in tasks_of(task_run.definition, self.catalog):
                if task.id == task_id:
                    return task
        found = self.store.find(project_id, task_id)
        if found is None:
            raise not_found("task", task_id)
        return found

    def tasks(self, project_id: str, *, name: str | None = None, tag_id: str | None = None) -> list[Task]:
        """Return a project's tasks, newest first."""
        found = [
            task
            for task in self.store.tasks(project_id)
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
        tags = self._check_tags(project_id, body.tags, "task")
        revision_tags = self._check_tags(project_id, body.revision_tags, "task_revision")
        now = self.now_text()
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
        self.store.add(task)
        statements = [*self._tag(task.id, task.tags, tags), *self._tag(revision.id, revision.tags, revision_tags)]
        await self._writer.write([rows.save_task(task), rows.save_revision(revision, 0), *statements])
        return task

    async def update_task(self, task: Task, body: TaskUpdate) -> Revision | None:
        """Change a task; return the new revision when a field of a revision was given.

        Everything is checked before anything changes. Raises `ReadOnly`, `RuleBroken`, `ValidationFailed`,
        `NotFound`.
        """
        self._check_writable(task)
        if body.name is not None:
            self._check_name(task.project_id, body.name, task)
        if body.output_modality not in (None, task.output_modality):
            message = f"The output modality of a task is fixed; this one's is {task.output_modality}."
            raise RuleBroken("OUTPUT_MODALITY_FIXED", message)
        values = self._next_values(task, body)
        tags = self._check_tags(task.project_id, body.tags, "task")
        revision_tags = self._check_tags(task.project_id, body.revision_tags, "task_revision")
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
        now = self.now_text()
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
            statements += self._tag(task.id, task.tags, tags)
        if revision_tags is not None:
            target = revision or task.revisions[0]
            statements += self._tag(target.id, target.tags, revision_tags)
            if revision is None:
                statements.append(rows.save_revision(target, len(task.revisions) - 1))
        if revision is not None:
            statements.append(rows.save_revision(revision, len(task.revisions) - 1))
        await self._writer.write([rows.save_task(task), *statements])
        return revision

    async def delete_task(self, task: Task) -> None:
        """Delete a task; its runs stay on record. Raises `ReadOnly`."""
        self._check_writable(task)
        task.deleted = self.now_text()
        await self._writer.write([rows.save_task(task)])

    # -- checks ----------------------------------------------------------------------------------

    def check_runnable(self, task: Task) -> None:
        """Raise `NotFound` for a task that was deleted meanwhile, `RuleBroken` for one that is disabled."""
        if task.deleted is not None:
            raise not_found("task", task.id)
        if not task.enabled:
            raise RuleBroken("TASK_DISABLED", f"The task {task.name} is disabled; enable it to run it.")

    def _check_writable(self, task: Task) -> None:
        if task.deleted is not None:
            raise not_found("task", task.id)
        if task.source == "file":
            raise ReadOnly(f"The task {task.name} is defined by a file; edit the file.")

    def _check_name(self, project_id: str, name: str, own: Task | None) -> None:
        for task in self.store.tasks(project_id):
            if task.name.lower() == name.lower() and task is not own:
                raise RuleBroken("duplicate_task_name", f"The project has a task named {task.name} already.")

    def _check_revision(self, values: dict[str, Any], modality: str) -> None:
        for name in ("llm_model_id", "fallback_llm_model_id"):
            if values[name] is not None and self.catalog.get(values[name]) is None:
                raise RuleBroken("UNKNOWN_MODEL", f"{name}: there is no model {values[name]}; list the models.")
        for name in ("system_prompt", "user_prompt"):
            if len(values[name]) > limits.LLM_PROMPT_CHARS:
                message = f"is longer than {limits.LLM_PROMPT_CHARS} characters"
                raise ValidationFailed.at(["body", name], message, "string_too_long")
        problems = revision_problems(values, modality, self.catalog, self._processors)
        if problems:
            raise ValidationFailed(
                [
                    {"loc": ["body", *path], "msg": f"{path[-1]} {message}", "type": "value_error"}
                    for path, message in problems
                ]
            )

    def _check_tags(self, project_id: str, tag_ids: Sequence[str] | None, entity_type: str) -> list[Tag] | None:
        if tag_ids is None:
            return None
        return [self.tag(project_id, entity_type, tag_id) for tag_id in dict.fromkeys(tag_ids)]

    def _tag(self, entity_id: str, held: list[str], tags: list[Tag] | None) -> Iterator[Statement]:
        """Make these the entity's tags, on both sides."""
        if tags is None:
            return
        wanted = [tag.id for tag in tags]
        for tag in self.store.tags.values():
            if tag.id in held and tag.id not in wanted:
                tag.tagged.remove(entity_id)
                yield rows.save_tag(tag)
            elif tag.id in wanted and entity_id not in tag.tagged:
                tag.tagged.append(entity_id)
                yield rows.save_tag(tag)
        held[:] = wanted

    # -- tags ------------------------------------------------------------------------------------

    def tag(self, project_id: str, entity_type: str, tag_id: str) -> Tag:
        """Return a tag. Raises `NotFound`."""
        tag = self.store.tags.get(tag_id)
        if tag is None or tag.project_id != project_id or tag.entity_type != entity_type:
            raise not_found(f"{entity_type} tag", tag_id)
        return tag

    def tags(self, project_id: str, entity_type: str) -> list[Tag]:
        """Return the tags of a kind, newest first."""
        found = [t for t in self.store.tags.values() if t.project_id == project_id and t.entity_type == entity_type]
        return sorted(found, key=lambda tag: (tag.created_at, tag.id), reverse=True)

    async def create_tag(self, project_id: str, entity_type: str, body: TagCreate) -> Tag:
        """Make a tag. Raises `RuleBroken` for a name that is taken."""
        self._check_tag_name(project_id, entity_type, body.name, None)
        if body.parent_id is not None:
            self.tag(project_id, entity_type, body.parent_id)
        tag = Tag(ids.new_uuid(), project_id, entity_type, body.name, body.description, body.parent_id, self.now_text())
        self.store.tags[tag.id] = tag
        await self._writer.write([rows.save_tag(tag)])
        return tag

    async def update_tag(self, tag: Tag, body: TagUpdate) -> None:
        """Rename or describe a tag."""
        if body.name is not None:
            self._check_tag_name(tag.project_id, tag.entity_type, body.name, tag)
            tag.name = body.name
        if "description" in body.model_fields_set:
            tag.description = body.description
        await self._writer.write([rows.save_tag(tag)])

    def _check_tag_name(self, project_id: str, entity_type: str, name: str, own: Tag | None) -> None:
        if any(tag.name == name and tag is not own for tag in self.tags(project_id, entity_type)):
            raise RuleBroken("DUPLICATE_TAG_NAME", f"There is a {entity_type} tag named {name} already.")

    async def set_tagged(self, tag: Tag, entities: Sequence[str], *, is_on: bool) -> None:
        """Put a tag on entities, or take it off. Raises `NotFound` for an entity that is not there."""
        found = [self._entity(tag, entity_id) for entity_id in dict.fromkeys(entities)]
        statements: list[Statement] = []
        for entity, save in found:
            if is_on and tag.id not in entity.tags:
                entity.tags.append(tag.id)
                tag.tagged.append(entity.id)
            elif not is_on and tag.id in entity.tags:
                entity.tags.remove(tag.id)
                tag.tagged.remove(entity.id)
            statements.append(save())
        await self._writer.write([rows.save_tag(tag), *statements])

    def _entity(self, tag: Tag, entity_id: str) -> tuple[Task | Revision, Callable[[], Statement]]:
        for task in self.store.tasks(tag.project_id):
            if tag.entity_type == "task" and task.id == entity_id:
                self._check_writable(task)
                return task, partial(rows.save_task, task)
            for i, revision in enumerate(task.revisions):
                if tag.entity_type == "task_revision" and revision.id == entity_id:
                    self._check_writable(task)
                    position = len(task.revisions) - 1 - i
                    return revision, partial(rows.save_revision, revision, position)
        raise not_found(tag.entity_type.replace("_", " "), entity_id)

    async def delete_tag(self, tag: Tag) -> None:
        """Delete a tag; tags below it move up."""
        statements: list[Statement] = [rows.delete_object(tag.id)]
        for entity_id in list(tag.tagged):
            try:
                entity, save = self._entity(tag, entity_id)
            except NotFound:
                continue
            entity.tags.remove(tag.id)
            statements.append(save())
        for child in self.store.tags.values():
            if child.parent_id == tag.id:
                child.parent_id = tag.parent_id
                statements.append(rows.save_tag(child))
        del self.store.tags[tag.id]
        await self._writer.write(statements)

    # -- reporting groups ------------------------------------------------------------------------

    def group(self, project_id: str, group_id: str) -> ReportingGroup:
        """Return a reporting group. Raises `NotFound`."""
        group = self.store.groups.get(group_id)
        if group is None or group.project_id != project_id:
            raise not_found("reporting group", group_id)
        return group

    def group_named(self, project_id: str, name: str) -> ReportingGroup:
        """Return the reporting group of a name. Raises `NotFound`."""
        group = self.store.group_named(project_id, name)
        if group is None:
            raise not_found("reporting group", name)
        return group

    def groups(self, project_id: str) -> list[ReportingGroup]:
        """Return a project's reporting groups, newest first."""
        found = [g for g in self.store.groups.values() if g.project_id == project_id]
        return sorted(found, key=lambda group: (group.created, group.id), reverse=True)

    async def create_group(self, project_id: str, body: ReportingGroupCreate) -> ReportingGroup:
        """Make a reporting group. Raises `RuleBroken` for a name that is taken."""
        if self.store.group_named(project_id, body.name) is not None:
            raise RuleBroken("DUPLICATE_REPORTING_GROUP", f"There is a reporting group {body.name} already.")
        group = ReportingGroup(ids.new_uuid(), project_id, body.name, body.description, body.metadata, self.now_text())
        self.store.groups[group.id] = group
        await self._writer.write([rows.save_group(group)])
        return group

    async def delete_group(self, group: ReportingGroup) -> None:
        """Delete a reporting group; runs keep its name."""
        del self.store.groups[group.id]
        await self._writer.write([rows.delete_object(group.id)])
