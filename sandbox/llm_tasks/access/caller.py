"""Whom a bearer stands for, and what it may do."""

from dataclasses import dataclass, field
from typing import Final

from sandbox.llm_tasks.errors import PermissionDenied
from sandbox.llm_tasks.server_links import StartedTaskRun, TokenOwner

EVERYTHING: Final = frozenset(
    {"project:view", "project:edit", "project:create_task", "task:view", "task:edit", "task:run_task"}
)
LOOK_AND_RUN: Final = frozenset({"project:view", "task:view", "task:run_task"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a bearer stands for. `project_id` None means every project; `owner` is the run of a run token, which sees
    the runs that are its own."""

    user_id: str
    project_id: str | None
    permissions: frozenset[str]
    bearer: str = field(repr=False)
    task_id: str | None = None
    owner: TokenOwner | None = None

    @property
    def started(self) -> tuple[StartedTaskRun, ...]:
        """The started task runs of a run token."""
        return self.owner.started if self.owner is not None else ()

    def require(self, permission: str, resource: tuple[str, str] | None = None) -> None:
        """Raise `PermissionDenied` unless the caller has a permission."""
        is_other_task = self.task_id is not None and resource != ("task", self.task_id)
        if permission not in self.permissions or is_other_task:
            message = f"These credentials do not have the permission {permission} here."
            raise PermissionDenied(permission, message, resource, self.user_id)
