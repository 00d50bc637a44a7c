"""How a new revision comes from the one before, and the shares of the runs that a task's revisions get. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.llm_tasks.errors import RuleBroken, not_found
from sandbox.llm_tasks.tasks.entities import Share, Task
from sandbox.llm_tasks.tasks.fields import NULLABLE, REVISION_DEFAULTS, REVISION_FIELDS, RevisionFields

WEIGHT_TOLERANCE: Final = 1e-6


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
