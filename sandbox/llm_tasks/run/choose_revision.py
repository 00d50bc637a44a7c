"""Which revision a run uses.

Pure: chance comes from the seed and the number of the run, so that a choice can be repeated.
"""

import math
from collections.abc import Mapping

from sandbox.errors import NotFound
from sandbox.ids import seeded_random
from sandbox.llm_tasks.errors import not_found
from sandbox.llm_tasks.tasks.entities import Revision, Tag, Task


def choose_revision(task: Task, *choice: object) -> Revision:
    """Choose among the active revisions by weight; the same `choice` (a seed, a count) chooses the same.

    Raises `NotFound` when no revision is active.
    """
    shares = task.active
    total = math.fsum(share.weight for share in shares)
    point = seeded_random(*choice).random() * total if len(shares) > 1 else 0.0
    reached = 0.0
    chosen = None
    for share in shares:
        if share.weight <= 0:
            continue
        chosen = share
        reached += share.weight
        if point < reached:
            break
    revision = task.revision(chosen.task_revision_id) if chosen is not None else None
    if revision is None:
        raise NotFound(f"The task {task.name} has no active revision.")
    return revision


def named_revision(task: Task, *, revision_id: str | None, tag: str | None, tags: Mapping[str, Tag]) -> Revision | None:
    """Return the revision that a run names, None when it names none; an id wins over a tag.

    A tag on several revisions means the newest. Raises `NotFound`.
    """
    if revision_id is not None:
        revision = task.revision(revision_id)
        if revision is None:
            raise not_found("revision", revision_id)
        return revision
    if tag is None:
        return None
    for revision in task.revisions:
        if any(tags[tag_id].name == tag for tag_id in revision.tags if tag_id in tags):
            return revision
    raise NotFound(f"No revision of the task carries the tag {tag[:64]}.")
