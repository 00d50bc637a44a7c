"""What cannot be run at all and is refused before it counts as a run."""

from collections.abc import Mapping
from typing import Final

from sandbox import limits
from sandbox.errors import TooLarge
from sandbox.llm_tasks.engines.catalog import Catalog, LlmModel
from sandbox.llm_tasks.errors import RuleBroken, ValidationFailed, not_found
from sandbox.llm_tasks.input_processors import Processors
from sandbox.llm_tasks.inputs.files import IMAGE_TYPES
from sandbox.llm_tasks.inputs.placeholders import as_text
from sandbox.llm_tasks.run.request import RunRequest
from sandbox.llm_tasks.tasks.entities import Revision, Task
from sandbox.wire.file_types import sniff
from sandbox.wire.media_types import read_media_type

_PDF: Final = frozenset({"application/pdf"})
_ACCEPTED: Final[Mapping[str, frozenset[str]]] = {
    "image": IMAGE_TYPES,
    "pdf": _PDF,
    "image_or_pdf": IMAGE_TYPES | _PDF,
}


def check_runnable(task: Task) -> None:
    """Raise `NotFound` for a task that was deleted meanwhile, `RuleBroken` for one that is disabled."""
    if task.deleted is not None:
        raise not_found("task", task.id)
    if not task.enabled:
        raise RuleBroken("TASK_DISABLED", f"The task {task.name} is disabled; enable it to run it.")


def check_run(revision: Revision, request: RunRequest, catalog: Catalog, processors: Processors) -> None:
    """Refuse what cannot be run at all, before it counts as a run.

    Raises `ValidationFailed` for missing inputs or files, `TooLarge`, and `RuleBroken` for a model or
    fallback that is not there.
    """
    model_of(revision, catalog)
    if request.use_fallback_model and revision.values["fallback_llm_model_id"] is None:
        raise RuleBroken("NO_FALLBACK_MODEL", f"The revision {revision.id} has no fallback model.")
    from_files = processors.provides(revision.values["input_processors"])
    missing = [n for n in revision.input_params if n not in request.task_input and n not in from_files]
    if missing:
        raise ValidationFailed(
            [{"loc": ["body", "task_input", name], "msg": "Field required", "type": "missing"} for name in missing]
        )
    size = sum(len(as_text(value)) for value in request.task_input.values())
    if size > limits.LLM_TASK_INPUT_CHARS:
        raise TooLarge(f"task_input is longer than {limits.LLM_TASK_INPUT_CHARS} characters.")
    mode = revision.values["file_input_mode"]
    if mode == "none":
        return
    if not request.files:
        raise ValidationFailed.at(["body", "task_file"], f"This task needs a file ({mode}).", "missing")
    accepted = _ACCEPTED.get(mode)
    if accepted is not None:
        for file in request.files:
            if (sniff(file.content) or read_media_type(file.content_type).name) not in accepted:
                wanted = ", ".join(sorted(accepted))
                message = f"{file.original_filename} is {file.content_type}; this task takes {wanted}."
                raise ValidationFailed.at(["body", "task_file"], message)


def model_of(revision: Revision, catalog: Catalog) -> LlmModel:
    """Return the model of a revision. Raises `RuleBroken` when it is not there (any more)."""
    model = catalog.get(revision.values["llm_model_id"])
    if model is None:
        raise RuleBroken("UNKNOWN_MODEL", f"The model {revision.values['llm_model_id']} is not configured here.")
    return model
