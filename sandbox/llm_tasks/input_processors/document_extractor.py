"""`document_content_extractor`: the text of a file that was sent with the run."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from sandbox.globs import glob_matcher
from sandbox.jsonio import Json
from sandbox.llm_tasks.input_processors.base import Config, Output, ProcessorFailed
from sandbox.llm_tasks.inputs.documents import read_document
from sandbox.llm_tasks.inputs.files import RunFile


class ExtractorConfig(Config):
    """Which file, and how to read it."""

    filename: str = Field(description="The name of the file, or a pattern such as *.pdf")
    strategy: Literal["fast", "hi_res", "ocr_only", "auto"] = "fast"
    fallback_text: str | None = None


class DocumentContentExtractor:
    """Reads PDFs by their text layer or OCR, pictures by OCR, and plain text."""

    name: ClassVar[str] = "document_content_extractor"
    description: ClassVar[str] = "Replaces the value by the text of a file that was sent with the run."
    config_model: ClassVar[type[Config]] = ExtractorConfig
    reads_files: ClassVar[bool] = True

    async def process(
        self, value: Json, config: ExtractorConfig, values: Mapping[str, Json], files: tuple[RunFile, ...]
    ) -> Output:
        """Return the file's text. Raises `ProcessorFailed` when there is no such file or no text in it."""
        file = _find(config.filename, value, files)
        if file is None:
            sent = ", ".join(f.original_filename for f in files) or "none"
            raise ProcessorFailed(f"no file named {config.filename} was sent (sent: {sent})")
        found = await asyncio.to_thread(
            read_document, file.content, file.content_type, file.original_filename, config.strategy
        )
        if not found.text.strip() or found.method == "metadata":
            raise ProcessorFailed(found.note or f"{file.original_filename} has no text")
        return Output(found.text, found.note)

    async def close(self) -> None:
        """Nothing is open."""


def _find(wanted: str, value: Json, files: tuple[RunFile, ...]) -> RunFile | None:
    """Return the file of that name or pattern, else the one the value names."""
    names = [wanted.lower(), *([value.lower()] if isinstance(value, str) and value else [])]
    for name in names:
        is_meant = glob_matcher([name])
        for file in files:
            if file.original_filename.lower() == name or is_meant(file.original_filename.lower()):
                return file
    return None
