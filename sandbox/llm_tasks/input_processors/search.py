"""`perplexity_search`: searches served from local fixtures, as there is no network here.

A fixture is a YAML file in the search directory:

    query: metformin renal dosing       # words that the search must have, or `matches: <regular expression>`
    results:
      - {title: …, url: …, snippet: …}
"""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sandbox.definitions.problems import DefinitionError
from sandbox.definitions.yamlio import load_located
from sandbox.jsonio import Json
from sandbox.llm_tasks.input_processors.base import Config, Output, ProcessorFailed
from sandbox.llm_tasks.inputs.files import RunFile
from sandbox.llm_tasks.inputs.placeholders import as_text, substitute
from sandbox.regexes import compile_regex, find_problem


class SearchConfig(Config):
    """How many results, and how the search is worded."""

    max_results: int = Field(default=5, ge=1, le=100)
    query_context: str | None = None
    fallback_text: str | None = None


class SearchResult(BaseModel):
    """One hit."""

    model_config = ConfigDict(extra="forbid")

    title: str
    url: str = ""
    snippet: str = ""


class SearchFixture(BaseModel):
    """The answer to some searches."""

    model_config = ConfigDict(extra="forbid")

    query: str | None = None
    matches: str | None = None
    results: list[SearchResult]

    @model_validator(mode="after")
    def _one_way(self) -> "SearchFixture":
        if (self.query is None) == (self.matches is None):
            raise ValueError("give either query or matches")
        if self.matches is not None:
            problem = find_problem(self.matches)
            if problem is not None:
                raise ValueError(f"matches is not a regular expression: {problem}")
        return self

    def fits(self, search: str) -> bool:
        """Whether the fixture answers a search."""
        if self.matches is not None:
            return compile_regex(self.matches, ignore_case=True).search(search)
        words = set(re.findall(r"\w+", search.lower()))
        return set(re.findall(r"\w+", (self.query or "").lower())) <= words


class PerplexitySearch:
    """Searches in fixtures."""

    name: ClassVar[str] = "perplexity_search"
    description: ClassVar[str] = "Replaces the value by search results for it, from the fixtures of this server."
    config_model: ClassVar[type[Config]] = SearchConfig
    reads_files: ClassVar[bool] = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def process(
        self, value: Json, config: SearchConfig, values: Mapping[str, Json], files: tuple[RunFile, ...]
    ) -> Output:
        """Return the results of the first fixture that fits. Raises `ProcessorFailed` when none does."""
        search = as_text(value)
        if config.query_context:
            search = substitute(config.query_context, values)
        fixtures = await asyncio.to_thread(_read_fixtures, self._directory)
        for fixture in fixtures:
            if await asyncio.to_thread(fixture.fits, search):
                shown = fixture.results[: config.max_results]
                lines = [f"{i}. {r.title}\n{r.url}\n{r.snippet}".strip() for i, r in enumerate(shown, 1)]
                return Output("\n\n".join(lines))
        raise ProcessorFailed(f"no search fixture fits {search[:200]!r}")

    async def close(self) -> None:
        """Nothing is open."""


def _read_fixtures(directory: Path) -> list[SearchFixture]:
    found = []
    for path in sorted(directory.glob("*.yaml")) if directory.is_dir() else ():
        try:
            value: Any = load_located(path.read_bytes(), path.name).value
            found.append(SearchFixture.model_validate(value))
        except DefinitionError as error:
            raise ProcessorFailed(str(error)) from None
        except ValidationError as error:
            first = error.errors()[0]
            raise ProcessorFailed(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return found
