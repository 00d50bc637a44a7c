"""The models of a server, put together from its settings."""

from dataclasses import dataclass
from typing import Any, Final

from sandbox.llm_tasks.engines.catalog import ALL_MODALITIES, Catalog, LlmModel
from sandbox.llm_tasks.engines.extract import ExtractEngine
from sandbox.llm_tasks.engines.fault import FaultEngine
from sandbox.llm_tasks.engines.openai import OpenAiEngine
from sandbox.llm_tasks.engines.replay import Cassettes, ReplayEngine
from sandbox.settings import Settings

DEFAULT_MODEL: Final = "sandbox-extract"
_OPENAI_DEFAULT: Final = "gpt-4o-mini"
_OPENAI_PARAMS: Final[dict[str, Any]] = {
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "max_tokens": {"type": "integer", "minimum": 1},
}


@dataclass(frozen=True, slots=True)
class Engines:
    """The catalog, and what must be closed with the server."""

    catalog: Catalog
    cassettes: Cassettes
    live: OpenAiEngine | None

    async def close(self) -> None:
        """Close the connections to live models."""
        if self.live is not None:
            await self.live.close()


def offline_models(cassettes: Cassettes) -> tuple[list[LlmModel], FaultEngine]:
    """Return the models that every server has, and the fault engine, which is to be told of all."""
    fault = FaultEngine()
    models = [
        LlmModel(
            DEFAULT_MODEL,
            "Sandbox Extract",
            "Sandbox",
            "Deterministic and offline: fills the output format from labels, tables, dates and numbers of the input.",
            ExtractEngine(),
            ALL_MODALITIES,
        ),
        LlmModel(
            "sandbox-replay",
            "Sandbox Replay",
            "Sandbox",
            "Answers from recorded or hand-written cassettes, found by task, revision and input.",
            ReplayEngine(cassettes),
        ),
        LlmModel(
            "sandbox-fault",
            "Sandbox Fault",
            "Sandbox",
            "Fails on purpose, by the rules in llm_config.faults; otherwise lets another model answer.",
            fault,
            ALL_MODALITIES,
        ),
    ]
    return models, fault


def build_engines(settings: Settings) -> Engines:
    """Return the engines of a server; live models only when a base URL is configured."""
    cassettes = Cassettes(settings.cassette_dir)
    models, fault = offline_models(cassettes)
    live = None
    if settings.openai_base_url is not None:
        live = OpenAiEngine(settings.openai_base_url, settings.openai_api_key)
        models += [
            LlmModel(
                name,
                name,
                "OpenAI",
                "A live model behind an OpenAI-compatible API.",
                live,
                frozenset({"json", "text", "csv"}),
                max_context_window=128_000,
                params=_OPENAI_PARAMS,
            )
            for name in settings.openai_models or (_OPENAI_DEFAULT,)
        ]
    catalog = Catalog(models)
    fault.catalog = catalog
    return Engines(catalog, cassettes, live)
