"""Tags and reporting groups: what may be done with them, and which tags tasks and revisions carry.

Changes happen in memory in one step and are stored as one unit of work, as in `task_service`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from sandbox import ids
from sandbox.clock import Clock, format_micros
from sandbox.errors import NotFound
from sandbox.llm_tasks.errors import RuleBroken, not_found
from sandbox.llm_tasks.tasks import rows
from sandbox.llm_tasks.tasks.entities import ReportingGroup, Revision, Tag, Task
from sandbox.llm_tasks.tasks.models import ReportingGroupCreate, TagCreate, TagUpdate
from sandbox.llm_tasks.tasks.store import OWNER, Store
from sandbox.record.writer import Statement, Writer

ENTITY_TYPES: Final = frozenset("task task_revision task_share skill task_agent_revision task_agent_share".split())


class Labels:
    """Tags and reporting groups, and how they change."""

    def __init__(self, store: Store, writer: Writer, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock

    # -- tags ------------------------------------------------------------------------------------

    def tag(self, project_id: str, entity_type: str, tag_id: str) -> Tag:
        """Return a tag. Raises `NotFound`."""
        tag = self._store.tags.get(tag_id)
        if tag is None or tag.project_id != project_id or tag.entity_type != entity_type:
            raise not_found(f"{entity_type} tag", tag_id)
        return tag

    def tags(self, project_id: str, entity_type: str) -> list[Tag]:
        """Return the tags of a kind, newest first."""
        found = [t for t in self._store.tags.values() if t.project_id == project_id and t.entity_type == entity_type]
        return sorted(found, key=lambda tag: (tag.created_at, tag.id), reverse=True)

    async def create_tag(self, project_id: str, entity_type: str, body: TagCreate) -> Tag:
        """Make a tag. Raises `RuleBroken` for a name that is taken."""
        self._check_tag_name(project_id, entity_type, body.name, None)
        if body.parent_id is not None:
            self.tag(project_id, entity_type, body.parent_id)
        tag = Tag(
            ids.new_uuid(),
            project_id,
            entity_type,
            body.name,
            body.description,
            body.parent_id,
            format_micros(self._clock.now()),
        )
        before = self._store.remember()
        self._store.tags[tag.id] = tag
        await self._writer.write([rows.save_tag(tag)], owners=(OWNER,), undo=before)
        return tag

    async def update_tag(self, tag: Tag, body: TagUpdate) -> None:
        """Rename or describe a tag."""
        if body.name is not None:
            self._check_tag_name(tag.project_id, tag.entity_type, body.name, tag)
        before = self._store.remember(tag)
        if body.name is not None:
            tag.name = body.name
        if "description" in body.model_fields_set:
            tag.description = body.description
        await self._writer.write([rows.save_tag(tag)], owners=(OWNER,), undo=before)

    def _check_tag_name(self, project_id: str, entity_type: str, name: str, own: Tag | None) -> None:
        if any(tag.name == name and tag is not own for tag in self.tags(project_id, entity_type)):
            raise RuleBroken("DUPLICATE_TAG_NAME", f"There is a {entity_type} tag named {name} already.")

    async def set_tagged(self, tag: Tag, entities: Sequence[str], *, is_on: bool) -> None:
        """Put a tag on entities, or take it off. Raises `NotFound` for an entity that is not there."""
        found = [self._entity(tag, entity_id) for entity_id in dict.fromkeys(entities)]
        statements: list[Statement] = []
        before = self._store.remember(tag, *(entity for entity, _ in found))
        for entity, save in found:
            if is_on and tag.id not in entity.tags:
                entity.tags.append(tag.id)
                tag.tagged.append(entity.id)
            elif not is_on and tag.id in entity.tags:
                entity.tags.remove(tag.id)
                tag.tagged.remove(entity.id)
            statements.append(save())
        await self._writer.write([rows.save_tag(tag), *statements], owners=(OWNER,), undo=before)

    def _entity(self, tag: Tag, entity_id: str) -> tuple[Task | Revision, Callable[[], Statement]]:
        for task in self._store.tasks(tag.project_id):
            if tag.entity_type == "task" and task.id == entity_id:
                task.check_writable()
                return task, partial(rows.save_task, task)
            for i, revision in enumerate(task.revisions):
                if tag.entity_type == "task_revision" and revision.id == entity_id:
                    task.check_writable()
                    position = len(task.revisions) - 1 - i
                    return revision, partial(rows.save_revision, revision, position)
        raise not_found(tag.entity_type.replace("_", " "), entity_id)

    async def delete_tag(self, tag: Tag) -> None:
        """Delete a tag; tags below it move up."""
        statements: list[Statement] = [rows.delete_object(tag.id)]
        found = []
        for entity_id in list(tag.tagged):
            with suppress(NotFound):
                found.append(self._entity(tag, entity_id))
        before = self._store.remember(*self._store.tags.values(), *(entity for entity, _ in found))
        for entity, save in found:
            entity.tags.remove(tag.id)
            statements.append(save())
        for child in self._store.tags.values():
            if child.parent_id == tag.id:
                child.parent_id = tag.parent_id
                statements.append(rows.save_tag(child))
        del self._store.tags[tag.id]
        await self._writer.write(statements, owners=(OWNER,), undo=before)

    def check_tags(self, project_id: str, tag_ids: Sequence[str] | None, entity_type: str) -> list[Tag] | None:
        """Return the tags of these ids, None when none were given. Raises `NotFound`."""
        if tag_ids is None:
            return None
        return [self.tag(project_id, entity_type, tag_id) for tag_id in dict.fromkeys(tag_ids)]

    def put_on(self, entity_id: str, held: list[str], tags: list[Tag] | None) -> Iterator[Statement]:
        """Make these the entity's tags, on both sides."""
        if tags is None:
            return
        wanted = [tag.id for tag in tags]
        for tag in self._store.tags.values():
            if tag.id in held and tag.id not in wanted:
                tag.tagged.remove(entity_id)
                yield rows.save_tag(tag)
            elif tag.id in wanted and entity_id not in tag.tagged:
                tag.tagged.append(entity_id)
                yield rows.save_tag(tag)
        held[:] = wanted

    # -- reporting groups ------------------------------------------------------------------------

    def group(self, project_id: str, group_id: str) -> ReportingGroup:
        """Return a reporting group. Raises `NotFound`."""
        group = self._store.groups.get(group_id)
        if group is None or group.project_id != project_id:
            raise not_found("reporting group", group_id)
        return group

    def group_named(self, project_id: str, name: str) -> ReportingGroup:
        """Return the reporting group of a name. Raises `NotFound`."""
        group = self._store.group_named(project_id, name)
        if group is None:
            raise not_found("reporting group", name)
        return group

    def groups(self, project_id: str) -> list[ReportingGroup]:
        """Return a project's reporting groups, newest first."""
        found = [g for g in self._store.groups.values() if g.project_id == project_id]
        return sorted(found, key=lambda group: (group.created, group.id), reverse=True)

    async def create_group(self, project_id: str, body: ReportingGroupCreate) -> ReportingGroup:
        """Make a reporting group. Raises `RuleBroken` for a name that is taken."""
        if self._store.group_named(project_id, body.name) is not None:
            raise RuleBroken("DUPLICATE_REPORTING_GROUP", f"There is a reporting group {body.name} already.")
        group = ReportingGroup(
            ids.new_uuid(), project_id, body.name, body.description, body.metadata, format_micros(self._clock.now())
        )
        before = self._store.remember()
        self._store.groups[group.id] = group
        await self._writer.write([rows.save_group(group)], owners=(OWNER,), undo=before)
        return group

    async def delete_group(self, group: ReportingGroup) -> None:
        """Delete a reporting group; runs keep its name."""
        before = self._store.remember()
        del self._store.groups[group.id]
        await self._writer.write([rows.delete_object(group.id)], owners=(OWNER,), undo=before)
