"""Which revision a run uses, and how a new revision comes from the one before.

Pure: chance comes from the seed and the number of the run, so that a choice can be repeated.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.errors import NotFound
from sandbox.ids import seeded_random
from sandbox.llm_tasks.errors import RuleBroken, not_found
from sandbox.llm_tasks.tasks.entities import Revision, Share, Tag, Task
from sandbox.llm_tasks.tasks.fields import NULLABLE, REVISION_DEFAULTS, REVISION_FIELDS, RevisionFields

WEIGHT_TOLERANCE: Final = 1e-6


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


def check_shares(task: Task, shares: Sequence[Share]) -> tuple[Share, ...]:
    """Check a traffic split. Raises `RuleBroken` or `NotFound`."""
    seen: set[str] = set()
    for share in shares:
        revision = task.revision(share.task_revision_id)
        if revision is None:
            raise not_found("revision", share.task_revision_id)
        if revision.is_test:
            raise RuleBroken("TEST_REVISION_NOT_ACTIVATABLE", f"{revision.id} is a test revision; it cannot be live.")
        if share.task_revision_id in seen:
            raise RuleBroken("INVALID_TRAFFIC_WEIGHTS", f"{share.task_revision_id} stands twice in active_revisions.")
        seen.add(share.task_revision_id)
    total = math.fsum(share.weight for share in shares)
    if abs(total - 1) > WEIGHT_TOLERANCE:
        message = f"The weights of active_revisions sum to {total:g}; they must sum to 1."
        raise RuleBroken("INVALID_TRAFFIC_WEIGHTS", message)
    return tuple(shares)


def values_of(body: RevisionFields, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the fields of a new revision: what the body says, else the base's, else the defaults."""
    values = {**REVISION_DEFAULTS, **(base or {}), "test": False}
    given = body.model_dump(mode="json", include=set(REVISION_FIELDS & body.model_fields_set))
    image_required = given.pop("image_required", None)
    values |= {name: value for name, value in given.items() if value is not None or name in NULLABLE}
    if image_required is not None and given.get("file_input_mode") is None:
        is_image = values["file_input_mode"] in ("image", "image_or_pdf")
        if image_required and not is_image:
            values["file_input_mode"] = "image"
        elif not image_required and values["file_input_mode"] == "image":
            values["file_input_mode"] = "none"
    return values


def makes_revision(body: RevisionFields) -> bool:
    """Whether an update has any field of a revision."""
    given = REVISION_FIELDS & body.model_fields_set
    return any(getattr(body, name) is not None or name in NULLABLE for name in given)
