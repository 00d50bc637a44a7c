"""The fields of a revision: what may be said of them, and what they hold when nothing was.

The pydantic models here and in `models` are the edges: unknown keys are ignored, as upstream does, and booleans
may be written as text. A field that a request left out is absent from `model_fields_set`.
"""

import re
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sandbox.definitions.llm_tasks import ANNOTATION_CHARS, FileInputMode

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


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
    annotation: str | None = Field(default=None, max_length=ANNOTATION_CHARS)
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
