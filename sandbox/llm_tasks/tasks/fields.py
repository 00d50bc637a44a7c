"""What requests to the task API may say, and the parts of a task as they are kept.

The pydantic models are the edges: unknown keys are ignored, as upstream does, and booleans may be
written as text. A field that a request left out is absent from `model_fields_set`.
"""

import re
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

NAME: Final = r"^[a-zA-Z0-9\- ]+$"
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)

Modality = Literal["json", "image", "audio", "pdf", "text", "csv"]
Visibility = Literal["owner_only", "editors_and_owners", "all_viewers"]
FileInputMode = Literal["none", "image", "pdf", "image_or_pdf", "any"]


def is_uuid(text: str) -> bool:
    """Whether a text has the form of a UUID, of any version.

    >>> is_uuid("019011e6-e530-3aca-6cf7-2973387c255d"), is_uuid("019011e6")
    (True, False)
    """
    return _UUID.fullmatch(text) is not None


def _uuid_text(value: Any) -> str:
    if isinstance(value, UUID):
        return str(value)
    if not isinstance(value, str) or not is_uuid(value):
        raise ValueError("Input should be a valid UUID")
    return value.lower()


Uuid = Annotated[str, BeforeValidator(_uuid_text)]


def _one_line(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise ValueError("a name has letters, digits, spaces and hyphens only")
    return name


TaskName = Annotated[str, Field(min_length=1, max_length=63), AfterValidator(_one_line)]


class Body(BaseModel):
    """A request body; unknown keys are ignored."""

    model_config = ConfigDict(extra="ignore")


class InputProcessorUse(Body):
    """An input processor on one of the prompt's placeholders."""

    param_name: str = Field(min_length=1)
    input_processor: str = Field(min_length=1)
    config: dict[str, Any] | None = None


class Traffic(Body):
    """The share of runs that one revision gets."""

    task_revision_id: Uuid
    weight: float = Field(default=1.0, ge=0, le=1)


class RevisionFields(Body):
    """The fields whose change makes a new revision; all may be left out."""

    system_prompt: str | None = None
    user_prompt: str | None = None
    llm_model_id: Uuid | None = None
    llm_config: dict[str, Any] | None = None
    output_format: dict[str, Any] | None = None
    task_forwarder_id: Uuid | None = None
    rag: dict[str, Any] | None = None
    file_input_mode: FileInputMode | None = None
    image_required: bool | None = None
    optimise_images: bool | None = None
    test: bool | None = None
    input_processors: list[InputProcessorUse] | None = None
    annotation: str | None = Field(default=None, max_length=255)
    fallback_llm_model_id: Uuid | None = None
    fallback_llm_config: dict[str, Any] | None = None
    tool_choice: Literal["required", "auto"] | None = None
    task_mcp_tool_ids: list[Uuid] | None = None
    integration_tool_ids: list[Uuid] | None = None


REVISION_FIELDS: Final = frozenset(RevisionFields.model_fields)
# What a revision holds when nothing was said, in the documented order.
REVISION_DEFAULTS: Final[dict[str, Any]] = {
    "system_prompt": "",
    "user_prompt": "",
    "llm_model_id": "",
    "llm_config": {},
    "output_format": None,
    "task_forwarder_id": None,
    "rag": None,
    "file_input_mode": "none",
    "optimise_images": True,
    "test": False,
    "input_processors": [],
    "annotation": None,
    "fallback_llm_model_id": None,
    "fallback_llm_config": None,
    "tool_choice": None,
    "task_mcp_tool_ids": [],
    "integration_tool_ids": [],
}
# Fields for which null is a value; for the others null means: as it was.
NULLABLE: Final = frozenset(
    "task_forwarder_id rag annotation fallback_llm_model_id fallback_llm_config tool_choice".split()
)


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


class SentFile(Body):
    """A file in a JSON run body."""

    filename: str = Field(min_length=1, max_length=255)
    content: str


class RunBody(Body):
    """Body of `POST task/{task_id}/run`."""

    task_input: dict[str, Any]
    task_files: list[SentFile] = []
    task_reference: str | None = Field(default=None, max_length=64)
    reference: str | None = Field(default=None, max_length=64)
    context_id: str | None = Field(default=None, max_length=64)
    reporting_group_id: Uuid | None = None


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
