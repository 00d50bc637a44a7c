"""What the task API is about, as it lives in memory: projects, tasks, revisions, tags, groups.

They mirror the rows of the record. Only `task_service` and `labels` change them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from sandbox import jsonio
from sandbox.ids import derived_uuid
from sandbox.jsonio import Json
from sandbox.llm_tasks.errors import ReadOnly, not_found
from sandbox.llm_tasks.inputs.placeholders import find_params
from sandbox.llm_tasks.output_format.grammar import Fields, parse_format

# The same on every machine, so that a client's configuration can be kept.
ORGANIZATION_ID: Final = "00000000-0000-4000-8000-000000000001"
PROJECT_ID: Final = "00000000-0000-4000-8000-000000000002"
USER_ID: Final = "00000000-0000-4000-8000-000000000003"
ORGANIZATION_NAME: Final = "Local organization"


@dataclass(slots=True)
class Project:
    """Where tasks live; nothing of one project is seen from another."""

    id: str
    name: str
    created: str

    @property
    def public_routing_key(self) -> str:
        """The key of the project's public addresses."""
        return derived_uuid("routing", self.id).replace("-", "")[:16]


@dataclass
class Revision:
    """One version of a task's prompt, model and output. `values` are the documented revision fields."""

    id: str
    task_id: str
    created: str
    values: Mapping[str, Any]
    tags: list[str] = field(default_factory=list)
    modified: str | None = None
    answers: tuple[Mapping[str, Any], ...] = ()

    @cached_property
    def input_params(self) -> list[str]:
        """The names of the user prompt's placeholders."""
        return find_params(self.values["user_prompt"])

    @cached_property
    def fields(self) -> Fields | None:
        """The parsed output format; None for modalities without one."""
        spec = self.values["output_format"]
        return parse_format(spec) if spec is not None else None

    @cached_property
    def fingerprint(self) -> str:
        """What stands for the prompts and the output format: equal ones have the same, on every server."""
        asked = [self.values[name] for name in ("system_prompt", "user_prompt", "output_format")]
        return f"fp_{hashlib.sha256(jsonio.dump(asked)).hexdigest()[:16]}"

    @property
    def is_test(self) -> bool:
        """Whether it may never be live."""
        return bool(self.values["test"])


@dataclass(frozen=True, slots=True)
class Share:
    """A revision's share of the runs."""

    task_revision_id: str
    weight: float


@dataclass
class Task:
    """A named holder of revisions, newest first. `source` is `file` for a definition on disk."""

    id: str
    project_id: str
    name: str
    description: str | None
    enabled: bool
    public: bool
    exposed_to_agents: bool
    output_modality: str
    task_run_visibility: str
    created: str
    modified: str | None = None
    deleted: str | None = None
    tags: list[str] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    active: tuple[Share, ...] = ()
    source: str = "api"

    def revision(self, revision_id: str) -> Revision | None:
        """Return the revision of an id."""
        return next((r for r in self.revisions if r.id == revision_id), None)

    def is_active(self, revision_id: str) -> bool:
        """Whether a revision gets runs."""
        return any(share.task_revision_id == revision_id for share in self.active)

    def check_writable(self) -> None:
        """Raise `NotFound` for a task that was deleted meanwhile, `ReadOnly` for one that a file defines."""
        if self.deleted is not None:
            raise not_found("task", self.id)
        if self.source == "file":
            raise ReadOnly(f"The task {self.name} is defined by a file; edit the file.")


@dataclass(slots=True)
class Tag:
    """A name on tasks or revisions."""

    id: str
    project_id: str
    entity_type: str
    name: str
    description: str | None
    parent_id: str | None
    created_at: str
    tagged: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ReportingGroup:
    """A named bucket of runs."""

    id: str
    project_id: str
    name: str
    description: str | None
    metadata: Json
    created: str
