"""What may be asked of tasks, tags and reporting groups: the bodies of the requests that change them."""

from typing import Any, Literal

from pydantic import Field, field_validator

from sandbox.definitions.llm_tasks import Modality, TaskName
from sandbox.llm_tasks.tasks.fields import Body, RevisionFields, Traffic, Uuid

Visibility = Literal["owner_only", "editors_and_owners", "all_viewers"]


class TaskCreate(RevisionFields):
    """Body of `POST task`."""

    system_prompt: str
    user_prompt: str
    llm_model_id: Uuid
    name: TaskName
    enabled: bool
    description: str | None = None
    public: bool = False
    exposed_to_agents: bool = False
    output_modality: Modality = "json"
    task_run_visibility: Visibility = "owner_only"
    tags: list[Uuid] | None = None
    revision_tags: list[Uuid] | None = None


class TaskUpdate(RevisionFields):
    """Body of `POST task/{task_id}`."""

    name: TaskName | None = None
    enabled: bool | None = None
    description: str | None = None
    public: bool | None = None
    exposed_to_agents: bool | None = None
    output_modality: Modality | None = None
    task_run_visibility: Visibility | None = None
    tags: list[Uuid] | None = None
    revision_tags: list[Uuid] | None = None
    active_revisions: list[Traffic] | None = None


class TagCreate(Body):
    """Body of `POST {entity_type}/tag`."""

    name: str = Field(min_length=1, max_length=15, pattern=r"^[a-zA-Z0-9]+$")
    description: str | None = Field(default=None, max_length=1000)
    parent_id: Uuid | None = None


class TagUpdate(Body):
    """Body of `POST {entity_type}/tag/{tag_id}`."""

    name: str | None = Field(default=None, min_length=1, max_length=15, pattern=r"^[a-zA-Z0-9]+$")
    description: str | None = Field(default=None, max_length=1000)


class TagEntities(Body):
    """Body of `POST {entity_type}/tag/{tag_id}/add` and `/remove`."""

    entities: list[Uuid]


class ReportingGroupCreate(Body):
    """Body of `POST reporting-groups`."""

    name: str = Field(min_length=1, max_length=64)
    description: str | None = Field(default=None, max_length=1000)
    metadata: dict[str, Any] | None = None

    @field_validator("name")
    @classmethod
    def _not_blank(cls, name: str) -> str:
        if not name.strip():
            raise ValueError("a name is not blank")
        return name


class NamedCreate(Body):
    """Body of `POST api_key`, `POST oauth_client` and `POST project`."""

    name: str = Field(min_length=1, max_length=100)
