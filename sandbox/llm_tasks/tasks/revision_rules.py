"""The rules a revision must keep, whoever wrote it: a request or a file. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sandbox.llm_tasks.engines.catalog import Catalog
from sandbox.llm_tasks.input_processors import Processors
from sandbox.llm_tasks.inputs.placeholders import find_params
from sandbox.llm_tasks.output_format.grammar import FormatError, parse_format
from sandbox.settings import Settings

Problems = list[tuple[tuple[str | int, ...], str]]


def revision_problems(
    values: Mapping[str, Any], modality: str, catalog: Catalog, processors: Processors | None
) -> Problems:
    """Return `(path, message)` for everything wrong with a revision, its model aside.

    A model that is not in the catalog is not judged here: whether that matters, the caller knows.
    """
    return [
        *_format_problems(values["output_format"], modality),
        *_processor_problems(values, processors or Processors(Settings())),
        *_model_problems(values, "llm_model_id", "llm_config", modality, catalog),
        *_model_problems(values, "fallback_llm_model_id", "fallback_llm_config", modality, catalog),
    ]


def _format_problems(spec: Any, modality: str) -> Problems:
    if modality != "json":
        return [] if spec is None else [(("output_format",), f"must be null when the output modality is {modality}")]
    if spec is None:
        return [(("output_format",), "is required when the output modality is json")]
    try:
        parse_format(spec)
    except FormatError as error:
        return [(("output_format", *error.path), error.message)]
    return []


def _processor_problems(values: Mapping[str, Any], processors: Processors) -> Problems:
    params = find_params(values["user_prompt"])
    problems: Problems = []
    for i, use in enumerate(values["input_processors"]):
        at = ("input_processors", i)
        processor = processors.get(use["input_processor"])
        if processor is None:
            problems.append(((*at, "input_processor"), f"there is no input processor {use['input_processor']}"))
            continue
        if use["param_name"] not in params:
            problems.append(((*at, "param_name"), f"user_prompt has no placeholder {use['param_name']}"))
        try:
            config = processor.config_model.model_validate(use.get("config") or {})
        except ValidationError as error:
            problems += [((*at, "config", *e["loc"]), e["msg"]) for e in error.errors()]
            continue
        context = getattr(config, "query_context", None)
        if context and use["param_name"] not in find_params(context):
            message = f"must use the placeholder {use['param_name']}"
            problems.append(((*at, "config", "query_context"), message))
    return problems


def _model_problems(
    values: Mapping[str, Any], id_field: str, config_field: str, modality: str, catalog: Catalog
) -> Problems:
    model = catalog.get(values[id_field]) if values[id_field] is not None else None
    if model is None:
        return []
    problems: Problems = [
        ((config_field,), message) for message in model.engine.config_problems(values[config_field] or {})
    ]
    if modality not in model.modalities:
        problems.append(((id_field,), f"the model {model.name} cannot answer with {modality}"))
    mode = values["file_input_mode"]
    if mode in ("pdf", "image_or_pdf") and not model.supports_pdf_vision:
        problems.append(((id_field,), f"the model {model.name} does not read PDFs"))
    if mode in ("image", "image_or_pdf") and not model.supports_vision:
        problems.append(((id_field,), f"the model {model.name} does not read pictures"))
    return problems
