"""Tasks that files define: what may be wrong with them, and how they become tasks of the default project."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from sandbox.definitions.llm_tasks import LlmTaskDefinition
from sandbox.definitions.models import BenchmarkDefinition
from sandbox.ids import derived_uuid
from sandbox.llm_tasks.engines.build import offline_models
from sandbox.llm_tasks.engines.catalog import CREATED, Catalog
from sandbox.llm_tasks.engines.replay import Cassettes, answer_problems
from sandbox.llm_tasks.output_format.grammar import unknown_parts
from sandbox.llm_tasks.tasks.entities import PROJECT_ID, Revision, Share, Task
from sandbox.llm_tasks.tasks.fields import REVISION_DEFAULTS, InputProcessorUse
from sandbox.llm_tasks.tasks.revision_rules import revision_problems

Problems = list[tuple[tuple[str | int, ...], str]]
_COPIED: Final = "system_prompt user_prompt llm_config output_format file_input_mode optimise_images annotation".split()


def definition_problems(definition: LlmTaskDefinition) -> Problems:
    """Return what is wrong with a task's file. A live model may be named whether or not it is configured here."""
    models, fault = offline_models(Cassettes(Path()))
    catalog = Catalog(models)
    fault.catalog = catalog
    problems: Problems = []
    for i, use in enumerate(definition.input_processors):
        try:
            InputProcessorUse.model_validate(use)
        except ValidationError as error:
            problems += [(("input_processors", i, *e["loc"]), e["msg"]) for e in error.errors()]
    if not problems:
        values = _values(definition, catalog)
        problems += revision_problems(values, definition.output_modality, catalog, None)
    problems += [(("output_format", *path), message) for path, message in unknown_parts(definition.output_format)]
    problems += [(("answers",), problem) for problem in answer_problems(definition.answers)]
    return problems


def task_of(definition: LlmTaskDefinition, slug: str, version: int, catalog: Catalog) -> Task:
    """Return the task that a file defines, with its one revision live."""
    task_id, revision_id = definition.task_id(slug, version), definition.revision_id(slug, version)
    values = _values(definition, catalog)
    revision = Revision(revision_id, task_id, CREATED, values, modified=CREATED, answers=tuple(definition.answers))
    return Task(
        task_id,
        PROJECT_ID,
        definition.name,
        definition.description,
        definition.enabled,
        False,
        False,
        definition.output_modality,
        "all_viewers",
        CREATED,
        modified=CREATED,
        revisions=[revision],
        active=(Share(revision_id, 1.0),),
        source="file",
    )


def tasks_of(definition: BenchmarkDefinition, catalog: Catalog) -> Iterable[Task]:
    """Return the tasks of a benchmark."""
    return [task_of(task, definition.slug, definition.version, catalog) for task in definition.llm_tasks]


def _values(definition: LlmTaskDefinition, catalog: Catalog) -> dict[str, Any]:
    values = {**REVISION_DEFAULTS, **{name: getattr(definition, name) for name in _COPIED}}
    values["input_processors"] = [{"config": None, **use} for use in definition.input_processors]
    values["llm_model_id"] = _model_id(definition.model, catalog)
    if definition.fallback_model is not None:
        values["fallback_llm_model_id"] = _model_id(definition.fallback_model, catalog)
        values["fallback_llm_config"] = definition.fallback_config
    return values


def _model_id(name: str, catalog: Catalog) -> str:
    model = catalog.find(name)
    return model.id if model is not None else derived_uuid("llm-model", name)
