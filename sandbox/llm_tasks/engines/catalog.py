"""The models that can be chosen: each belongs to one engine and has the same id on every machine."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.ids import derived_uuid
from sandbox.jsonio import Json
from sandbox.llm_tasks.engines.base import Engine

CREATED: Final = "2026-01-01T00:00:00.000000+00:00"
_TEXT: Final = frozenset({"json", "text", "csv"})
ALL_MODALITIES: Final = _TEXT | {"image", "audio", "pdf"}


@dataclass(frozen=True, slots=True)
class LlmModel:
    """A model as the API shows it, and the engine behind it."""

    name: str
    alias: str
    provider: str
    description: str
    engine: Engine
    modalities: frozenset[str] = _TEXT
    supports_vision: bool = True
    supports_pdf_vision: bool = True
    max_context_window: int = 1_000_000
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The model's id."""
        return derived_uuid("llm-model", self.name)

    def to_json(self) -> dict[str, Json]:
        """Return the documented object."""
        pdf = {"max_file_size_mb": 64, "max_pages": None, "max_visual_pages": None}
        return {
            "id": self.id,
            "provider": self.provider,
            "vendor": self.provider.lower(),
            "name": self.name,
            "alias": self.alias,
            "description": self.description,
            "supports_vision": self.supports_vision,
            "supports_image_output": "image" in self.modalities,
            "supports_pdf_vision": self.supports_pdf_vision,
            "supports_tool_calling": False,
            "supports_context_caching": False,
            "price": "cheap",
            "speed": "ultra fast",
            "knowledge_cutoff": None,
            "pdf_vision_config": pdf if self.supports_pdf_vision else None,
            "max_context_window": self.max_context_window,
            "model_params": dict(self.params) or None,
            "created": CREATED,
            "modified": CREATED,
            "replaced_by": None,
            "retired": None,
            "llm_model_comments": [],
        }


class Catalog:
    """Every model of a server, by id, name and alias."""

    def __init__(self, models: Iterable[LlmModel]) -> None:
        self._models = tuple(models)
        self._by_id = {model.id: model for model in self._models}

    def __iter__(self) -> Iterator[LlmModel]:
        return iter(self._models)

    def get(self, model_id: str) -> LlmModel | None:
        """Return the model of an id."""
        return self._by_id.get(model_id)

    def find(self, name: str) -> LlmModel | None:
        """Return the model of an id, name or alias, whatever its case."""
        wanted = name.lower()
        return next((m for m in self._models if wanted in (m.id, m.name.lower(), m.alias.lower())), None)
