"""LLM tasks that belong to a benchmark: `playgrounds/<slug>/v<n>/llm_tasks/*.yaml`.

A file is one task with one revision; its name without the ending is the task's key. What a task
may be called and give is said here, for the task API as well; what a model, an output format or an input processor
may be is checked by the `Vocabulary` of `load.py`.
"""

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from sandbox import ids, jsonio
from sandbox.definitions.assertions import StrictModel

FOLDER = "llm_tasks"
ANNOTATION_CHARS = 255

Modality: TypeAlias = Literal["json", "image", "audio", "pdf", "text", "csv"]
FileInputMode: TypeAlias = Literal["none", "image", "pdf", "image_or_pdf", "any"]


def _plain(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9\- ]+", name):
        raise ValueError("a name has letters, digits, spaces and hyphens only")
    return name


TaskName: TypeAlias = Annotated[str, Field(min_length=1, max_length=63), AfterValidator(_plain)]


class LlmTaskDefinition(StrictModel):
    """One task. `model` and `fallback_model` are a model's name, alias or id; `answers` are recorded
    answers for the `replay` engine."""

    key: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)
    name: TaskName
    description: str | None = None
    enabled: bool = True
    output_modality: Modality = "json"
    system_prompt: str
    user_prompt: str
    model: str = "sandbox-extract"
    llm_config: dict[str, Any] = {}
    output_format: dict[str, Any] | None = None
    file_input_mode: FileInputMode = "none"
    optimise_images: bool = True
    input_processors: list[dict[str, Any]] = []
    annotation: str | None = Field(default=None, max_length=ANNOTATION_CHARS)
    fallback_model: str | None = None
    fallback_config: dict[str, Any] | None = None
    answers: list[dict[str, Any]] = []

    def task_id(self, slug: str, version: int) -> str:
        """Return the task's id, the same on every machine."""
        return ids.derived_uuid("llm-task", slug, version, self.key)

    def revision_id(self, slug: str, version: int) -> str:
        """Return the id of the revision: another as soon as anything in the file is another."""
        content = jsonio.canonical(self.model_dump(mode="json")).decode()
        return ids.derived_uuid("llm-revision", slug, version, self.key, content)
