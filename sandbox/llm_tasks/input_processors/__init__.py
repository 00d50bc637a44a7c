"""Input processors: what turns a submitted value into the text that goes into the prompt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sandbox.jsonio import Json
from sandbox.llm_tasks.input_processors.base import Output, Processor, ProcessorFailed
from sandbox.llm_tasks.input_processors.document_extractor import DocumentContentExtractor
from sandbox.llm_tasks.input_processors.search import PerplexitySearch
from sandbox.llm_tasks.input_processors.url_fetcher import UrlFetcher
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.logs import get_logger
from sandbox.settings import Settings

__all__ = ["Processed", "Processor", "ProcessorFailed", "Processors"]

log = get_logger()

# The older name that some definitions still use.
_ALIASES: Final = {"url_scraper": "url_fetcher"}


@dataclass(frozen=True, slots=True)
class Processed:
    """The inputs after their processors, what they were before, and what the processors had to say."""

    values: dict[str, Json]
    before: dict[str, Json]
    notes: dict[str, Json]


class Processors:
    """Every input processor by name."""

    def __init__(self, settings: Settings) -> None:
        known: tuple[Processor, ...] = (
            UrlFetcher(settings.llm_fetch_hosts),
            DocumentContentExtractor(),
            PerplexitySearch(settings.search_dir),
        )
        self._by_name = {processor.name: processor for processor in known}

    def get(self, name: str) -> Processor | None:
        """Return the processor of a name or older name."""
        return self._by_name.get(_ALIASES.get(name, name))

    def to_json(self) -> list[Json]:
        """Return the documented listing."""
        return [
            {"name": p.name, "description": p.description, "config_schema": p.config_model.model_json_schema()}
            for p in self._by_name.values()
        ]

    def provides(self, uses: list[Mapping[str, Any]]) -> frozenset[str]:
        """Return the placeholders whose value comes from a file, so that the input may leave them out."""
        return frozenset(
            use["param_name"] for use in uses if (p := self.get(use["input_processor"])) is not None and p.reads_files
        )

    async def run(
        self, uses: list[Mapping[str, Any]], values: Mapping[str, Json], files: tuple[RunFile, ...]
    ) -> Processed:
        """Run the processors in order. Raises `ProcessorFailed` for the first that fails without a fallback."""
        after, before, notes = dict(values), dict[str, Json](), dict[str, Json]()
        for use in uses:
            name, param = use["input_processor"], use["param_name"]
            processor = self.get(name)
            if processor is None:
                raise ProcessorFailed(f"There is no input processor {name}.")
            config = processor.config_model.model_validate(use.get("config") or {})
            before.setdefault(param, values.get(param))
            try:
                output = await _ask(processor, after.get(param), config, after, files)
            except ProcessorFailed as error:
                fallback = getattr(config, "fallback_text", None)
                if fallback is None:
                    raise ProcessorFailed(f"{name} failed on {param}: {error}") from None
                after[param] = fallback
                notes[param] = {"input_processor": name, "used_fallback_text": True, "reason": str(error)}
            else:
                after[param] = output.text
                if output.note:
                    notes[param] = {"input_processor": name, "note": output.note}
        return Processed(after, before, notes)

    async def close(self) -> None:
        """Close what the processors hold open."""
        for processor in self._by_name.values():
            await processor.close()


async def _ask(
    processor: Processor, value: Json, config: Any, values: Mapping[str, Json], files: tuple[RunFile, ...]
) -> Output:
    """Ask a processor; one that breaks has failed, like any other."""
    try:
        return await processor.process(value, config, values, files)
    except ProcessorFailed:
        raise
    except Exception as error:
        log.exception("input processor broke", input_processor=processor.name)
        raise ProcessorFailed(f"it broke ({type(error).__name__})") from None
